#!/usr/bin/env bats
# simclr-report -- a run as one page.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load ../support/runs
load ../support/page

setup() {
    common_setup
    if [ ! -e "$BATS_FILE_TMPDIR/run/encoder.safetensors" ]; then # once for all tests
        "$SUPPORT/make_cifar" 80 1 >"$BATS_FILE_TMPDIR/train.bin"
        simclr-pretrain "$BATS_FILE_TMPDIR/train.bin" --out "$BATS_FILE_TMPDIR/run" --epochs 2 \
            --batch 20 --size 16 --checkpoint-every 3 -q
    fi
    cp -r "$BATS_FILE_TMPDIR/run" .
}

has() { # PATTERN FILE
    grep -qE -- "$1" "$2" || { echo "no $1 in $2"; false; }
}
hasnt() {
    ! grep -nE -- "$1" "$2"
}
evaluation() {
    printf 'features\tprobe\tknn\tprobe_few\tknn_few\npixels\t20\t30\t1\t2\nuntrained\t30.25\t9\t3\t4\n'
    printf 'trained\t45.5\t12\t5\t1\n'
}

@test "--help is 0 on stdout" {
    run -0 --separate-stderr simclr-report --help
    [ -z "$stderr" ] && [[ $output == *--pictures* ]]
}

@test "misuse is 2, with nothing on stdout, and no page" {
    mkdir empty
    for options in "" "nowhere" "empty" "run run" "run --limit x" "run --bogus 1" "run --pictures nothing" \
        "run -o no/such/page.html" "run --limit"; do
        run -2 --separate-stderr simclr-report $options
        [ -z "$output" ] && [[ $stderr == simclr-report:* ]]
    done
    [ ! -e run/report.html ] && [ ! -e empty/report.html ]
}

@test "a page of a finished run: everything is in it, nothing is loaded, and its name is printed" {
    evaluation >run/evaluation.tsv
    run -0 --separate-stderr simclr-report run
    [ "$output" = run/report.html ] && [ -z "$stderr" ]
    well_formed run/report.html
    for text in '<h1>run</h1>' 'id="near"' 'resnet20, stem cifar, b?f(16|32), views of 16 × 16 pixels' \
        '2 epochs, batches of 20 pictures, temperature 0.5, seed 0' 'The run is finished' 'train.bin' \
        "sha256 $(simclr-inspect --digest run/encoder.safetensors | cut -d ' ' -f 1)" \
        'Loss over the run' 'Contrastive accuracy over the run' 'Alignment over the run' \
        'Uniformity over the run' 'Learning rate over the run' 'nearest of all 80 pictures' \
        'better than the same encoder untrained \(30.2' '<td class="best">45.50</td>' 'simclr-encode</th>'; do
        has "$text" run/report.html
    done
    # eight pictures with six views, twenty with five neighbours twice
    [ "$(grep -o 'alt="view ' run/report.html | wc -l)" = 48 ]
    [ "$(grep -c '^<li><img' run/report.html)" = 20 ]
    [ "$(grep -o 'cosine [-0-9.]*" title' run/report.html | wc -l)" = 200 ]
    [ "$(wc -c <run/report.html)" -lt 2000000 ]
}

@test "the neighbours are those that simclr-knn finds, before and after" {
    simclr-report run -q
    simclr-images "$BATS_FILE_TMPDIR/train.bin" | simclr-augment --recipe eval --size 16 >views
    for weights in "--seed 0 --model resnet20 --stem cifar" "--weights run/encoder.safetensors"; do
        simclr-encode $weights -q <views | simclr-knn --neighbors 5 |
            awk -F '\t' '$1 == 2 { printf "%s %.2f\n", $2, $3 }'
    done >wanted
    grep '^<li><img' run/report.html | head -n 1 | grep -oE 'alt="picture [0-9]+[^"]*cosine [-0-9.]+' |
        sed -E 's/alt="picture ([0-9]+).* (.*)/\1 \2/' >found
    [ "$(wc -l <wanted)" = 10 ]
    diff wanted found
}

@test "the curves are of the log, and the learning rate is that of the schedule" {
    # 8 steps, warm-up of 0.2 epochs (1 step), peak 4 * 20/256
    simclr-report run --limit 0 -q
    shown=$(sed -n 's/.*> loss <tspan class="last">\([0-9.]*\).*/\1/p' run/report.html)
    awk -v a="$shown" -v b="$(tail -n 1 run/log.tsv | cut -f 3)" 'BEGIN { exit !(a > 0 && (a - b) ^ 2 < 0.006 ^ 2) }'
    sed -n '/Learning rate over the run/,/<\/figure>/p' run/report.html |
        sed -n 's/.*<title>\(.*\): \(.*\)<.title>.*/\1 \2/p' >rate
    awk 'BEGIN { for (k = 0; k < 8; k++) printf "%.6g %.6g\n", (k + 1) / 4,
        k < 1 ? 0 : 0.3125 / 2 * (1 + cos(3.14159265358979 * (k - 1) / 7)) }' >wanted
    diff wanted rate
}

@test "the same run gives the same bytes, on one thread and on three, to a file and to a pipe" {
    simclr-report run -q --threads 1 -o one.html
    simclr-report run -q --threads 3 -o - >three.html
    cmp one.html three.html
    hasnt "$(hostname)-|$BATS_TEST_TMPDIR|simclr-report\.[A-Za-z0-9]{6}" one.html
}

@test "the run is only read, nothing is left behind, and an older page is replaced whole" {
    mkdir temporary
    before=$(cd run && find . -type f | sort | xargs -d '\n' sha256sum)
    TMPDIR=$PWD/temporary simclr-report run -o page.html -q
    [ "$(cd run && find . -type f | sort | xargs -d '\n' sha256sum)" = "$before" ]
    [ -z "$(ls temporary)" ] && [ ! -e page.html.part ]
    echo old >run/report.html
    simclr-report run -q --limit 0
    well_formed run/report.html
}

@test "a run that was stopped: what there is, with the last checkpoint" {
    rm run/encoder.safetensors run/head.safetensors
    simclr-report run -q
    well_formed run/report.html
    has 'not finished, 8 steps so far' run/report.html
    has 'last checkpoint' run/report.html
    [ "$(grep -o 'cosine [-0-9.]*" title' run/report.html | wc -l)" = 200 ]
    rm -r run/state run/account.tsv
    simclr-report run -q
    well_formed run/report.html
    has 'there is no checkpoint yet' run/report.html
    has 'No stage has ended well yet' run/report.html
    [ "$(grep -o 'cosine [-0-9.]*" title' run/report.html | wc -l)" = 100 ]
    rm run/log.tsv
    simclr-report run -q
    well_formed run/report.html
    has 'No step has been logged yet' run/report.html
}

@test "multi-crop, pixels of other means, and pictures of their own size before the first weights are written" {
    simclr-pretrain "$BATS_FILE_TMPDIR/train.bin" --out other --epochs 1 --batch 40 --views 2+3 \
        --pixel-mean 0.4,0.4,0.4 --pixel-std 0.2,0.2,0.2 --checkpoint-every 1 -q
    rm other/encoder.safetensors
    run -0 --separate-stderr simclr-report other
    [ -z "$stderr" ]
    well_formed other/report.html
    [ "$(grep -o 'alt="view ' other/report.html | wc -l)" = 40 ]
    [ "$(grep -oE 'width="[0-9]+" height="[0-9]+" alt="view ' other/report.html | sort | uniq -c | awk '{ print $1, $2 }' | tr '\n' ' ')" = \
        '24 width="16" 16 width="32" ' ]
    simclr-images "$BATS_FILE_TMPDIR/train.bin" | simclr-augment --recipe eval |
        simclr-encode --model resnet20 --seed 0 --pixel-mean 0.4,0.4,0.4 --pixel-std 0.2,0.2,0.2 -q |
        simclr-knn --neighbors 5 | awk -F '\t' '$1 == 2 { printf "%s %.2f\n", $2, $3 }' >wanted
    grep '^<li><img' other/report.html | head -n 1 | grep -oE 'alt="picture [0-9]+[^"]*cosine [-0-9.]+' |
        sed -E 's/alt="picture ([0-9]+).* (.*)/\1 \2/' | head -n 5 >found
    diff wanted found
}

@test "a run that is under way is reported on, and does not notice" {
    simclr-pretrain "$BATS_FILE_TMPDIR/train.bin" --out going --epochs 400 --batch 20 --size 16 \
        --checkpoint-every 2 -q 2>said &
    pid=$!
    for _ in $(seq 200); do
        [ -e going/state/project-0000000004.safetensors ] && break
        sleep 0.1
    done
    simclr-report going -q
    kill -TERM $pid
    wait $pid || status=$?
    [ "$status" = 75 ]
    well_formed going/report.html
    has 'The run is under way, [0-9]+ steps' going/report.html
    simclr-report going -q
    has 'The run is not finished' going/report.html
}

@test "a run that was stopped and went on has two starts in its account" {
    head -n 1 run/account.tsv >account
    tail -n +2 run/account.tsv >lines
    cat account lines lines >run/account.tsv
    simclr-report run -q --limit 0
    has 'simclr-encode</th>.*<td>2</td></tr>' run/report.html
    has '16 steps' run/report.html
}

@test "pictures that are gone: the page says so, and others can be named" {
    mv run elsewhere
    printf '/no/such/place\0' >elsewhere/sources
    run -0 --separate-stderr simclr-report elsewhere
    [[ $stderr == *"no longer where they were"* ]]
    well_formed elsewhere/report.html
    has 'no longer where they were' elsewhere/report.html
    hasnt '<img' elsewhere/report.html
    simclr-report elsewhere --pictures "$BATS_FILE_TMPDIR/train.bin" --limit 10
    has 'nearest of all 10 pictures' elsewhere/report.html
    [ "$(grep -c '^<li><img' elsewhere/report.html)" = 10 ]
    echo garbage >broken.bin
    run -0 --separate-stderr simclr-report elsewhere --pictures broken.bin
    well_formed elsewhere/report.html
    has 'They cannot be read: simclr-images: ' elsewhere/report.html
    rm elsewhere/sources
    simclr-report elsewhere -q
    has 'does not say where its pictures are' elsewhere/report.html
}

@test "without labels nothing is counted; a class is named where there are some" {
    mkdir plain
    for i in 1 2 3; do
        cp "$BATS_TEST_DIRNAME/../golden/jpeg_colour.jpg" plain/$i.jpg
        cp "$BATS_TEST_DIRNAME/../golden/jpeg_grey.jpg" plain/g$i.jpg
    done
    simclr-report run -q --pictures plain
    well_formed run/report.html
    has 'They have no labels' run/report.html
    hasnt 'class="same"' run/report.html
    mkdir classes
    mv plain classes/one
    cp -r classes/one classes/two
    simclr-report run -q --pictures classes
    well_formed run/report.html
    has 'alt="one/1.jpg, one"' run/report.html
    has 'class="same"' run/report.html
}

@test "names can be anything" {
    mkdir -p 'p/<script>alert(1)</script>' p/$'"onload="x\n\t\xff\x1b' "p/&amp;'"
    for folder in p/*; do
        cp "$BATS_TEST_DIRNAME/../golden/jpeg_colour.jpg" "$folder/<img src=x onerror=x>&quot;.jpg"
        cp "$BATS_TEST_DIRNAME/../golden/jpeg_grey.jpg" "$folder/$(printf '%0200d' 7).jpg"
    done
    mkdir '<b>"x&amp;'
    cp -r run/. '<b>"x&amp;'
    simclr-report '<b>"x&amp;' --pictures p -q
    well_formed '<b>"x&amp;/report.html'
    has '<h1>&lt;b&gt;&quot;x&amp;amp;</h1>' '<b>"x&amp;/report.html'
    has 'alt="[^"]*&lt;img src=x onerror=x&gt;&amp;quot;.jpg' '<b>"x&amp;/report.html'
}

@test "what the run says of itself can be anything" {
    x="<script>alert(1)</script>\"&'"
    sed -i "s|^source .*|source $x|; s|^temperature .*|temperature $x|; s|^images.*|images --bad pwned|
        s|^augment .*|augment --size 16 -opwned --output pwned|" run/command
    printf 'class\t%s\tb\n%s\t5\t3\nb\t1\t%s\n' "$x" "$x" "$x" >run/confusion.tsv
    printf 'features\tprobe\t%s\npixels\t%s\t3\ntrained\t40\t%s\n%s\t1\t2\n' "$x" "$x" "$x" "$x" >run/evaluation.tsv
    printf 'epoch\tstep\tknn_1\tknn_200\tprobe\n0\t0\t%s\t2\t3\n' "$x" >run/progress.tsv
    printf 'simclr-encode\t%s\t%s\t4\t5\t6\t7\t8\t%s\n%s\t1\t2\t3\t4\t5\t6\t7\t8\n' "$x" "$x" "$x" "$x" >>run/account.tsv
    printf '8\t0\t%s\t1\t1\t1\t1\t1\t1\t1\n' "$x" >>run/log.tsv
    printf '%s\n\033[31mred\0\377\n' "$x" >run/messages
    simclr-report run -q
    well_formed run/report.html
    [ ! -e pwned ]
    has 'temperature &lt;script&gt;' run/report.html
    for name in log.tsv evaluation.tsv confusion.tsv progress.tsv account.tsv messages encoder.safetensors; do
        head -c 3000 /dev/urandom >run/$name
    done
    simclr-report run -q
    well_formed run/report.html
    head -c 3000 /dev/urandom >run/command
    run -3 simclr-report run
}

@test "the confusion matrix; of a thousand classes the worst pairs, and the page stays small" {
    printf '\tcat\tdog\ncat\t8\t2\ndog\t0\t10\n' >run/confusion.tsv
    simclr-report run -q --limit 0
    well_formed run/report.html
    has 'Of 20 test pictures 90.0' run/report.html
    has '<tr><th scope="row" title="cat">cat</th><td class="right" style="--v:80">80</td><td style="--v:20">20</td>' \
        run/report.html
    awk 'BEGIN {
        for (k = 0; k < 1000; k++) printf "\tclass %d", k
        print ""
        for (i = 0; i < 1000; i++) {
            printf "class %d", i
            for (k = 0; k < 1000; k++) printf "\t%d", k == i ? 40 : k == i + 1 ? i % 10 : 0
            print ""
        } }' >run/confusion.tsv
    simclr-report run -q --limit 0
    well_formed run/report.html
    has 'There are 1,000 classes' run/report.html
    [ "$(grep -c 'left">class [0-9]*</td><td>9</td>' run/report.html)" = 20 ]
    [ "$(wc -c <run/report.html)" -lt 200000 ]
}

@test "measures with bounds: better is what the bounds say; the surest mistakes come first" {
    {
        printf 'features\tprobe\tknn\tprobe_few\tknn_few\tprobe_low\tprobe_high\ttrain\ttrain_few\ttested\ton\n'
        printf 'pixels\t40\t3\t3\t4\t38\t42\t5000\t50\t2000\theld-out\n'
        printf 'untrained\t30\t3\t3\t4\t28\t32\t5000\t50\t2000\theld-out\n'
        printf 'trained\t43\t5\t3\t4\t41\t45\t5000\t50\t2000\theld-out\n'
    } >run/evaluation.tsv
    printf 'class\tcat\t<dog>\ncat\t8\t2\n<dog>\t3\t7\n' >run/confusion.tsv
    printf 'name\tlabel\tpredicted\tprobability\n' >run/predictions.tsv
    for i in $(seq 30); do printf '%s.jpg\t%d\t%d\t0.%02d\n' "$i" $((i % 2)) $((i / 2 % 2)) $((i * 7 % 31 + 50)); done >>run/predictions.tsv
    run -0 --separate-stderr simclr-report run --limit 0
    [ -z "$stderr" ]
    well_formed run/report.html
    hasnt 'id="near"|<img' run/report.html
    has 'not clearly better than raw pixels \(40.0' run/report.html
    has 'better than the same encoder untrained \(30.0' run/report.html
    has 'Measured on 2,000 pictures of the training set that were held out' run/report.html
    has '43.00<small>41.0–45.0</small>' run/report.html
    has 'linear probe<br>50 labels' run/report.html
    awk -F '\t' 'NR > 1 && $2 != $3 { print $4, $1, $2 ? "&lt;dog&gt;" : "cat", $3 ? "&lt;dog&gt;" : "cat" }' run/predictions.tsv |
        sort -k 1,1rg | head -n 10 | awk '{ printf "%s %s %s %.1f\n", $2, $3, $4, 100 * $1 }' >wanted
    sed -n '/Surest mistakes/,/<.table>/s/<tr><td>\(.*\)<.td><td>\(.*\)<.td><td>\(.*\)<.td><td>\(.*\)&nbsp;.*/\1 \2 \3 \4/p' \
        run/report.html >found
    [ "$(wc -l <found)" = 10 ]
    diff wanted found
}

@test "accuracy over the epochs has a curve when it was measured" {
    printf 'epoch\tstep\tknn_1\tknn_200\tprobe\n0\t0\t10\t11\t12\n1\t4\t15\tnan\t20\n2\t8\t16.5\t18\t21\n' >run/progress.tsv
    simclr-report run -q --limit 0
    well_formed run/report.html
    has 'Accuracy on held-out pictures over the epochs' run/report.html
    has '> 1-NN <tspan class="last">16.5' run/report.html
}

@test "a map is shown when simclr-map is there, and its failure costs nothing else" {
    mkdir bin
    cat >bin/simclr-map <<'END'
#!/bin/bash
while [ "$1" != --svg ]; do shift; done
echo '<svg xmlns="http://www.w3.org/2000/svg"/>' >"$2"
END
    chmod +x bin/simclr-map
    PATH=$PWD/bin:$PATH simclr-report run -q
    well_formed run/report.html
    has '<a href="#map">' run/report.html
    has 'src="data:image/svg.xml;base64,PHN2ZyB4' run/report.html
    printf '#!/bin/bash\nexit 3\n' >bin/simclr-map
    PATH=$PWD/bin:$PATH simclr-report run -q
    well_formed run/report.html
    hasnt 'id="map"' run/report.html
    has 'id="near"' run/report.html
}

@test "a signal ends all of it at once, and nothing is left" {
    mkdir temporary
    mkfifo pictures # that nobody writes
    TMPDIR=$PWD/temporary simclr-report run --pictures pictures -q 3>&- &
    pid=$!
    for _ in $(seq 100); do
        [ -n "$(ls temporary)" ] && [ -e temporary/*/header ] && break
        sleep 0.1
    done
    kill -TERM $pid
    wait $pid || status=$?
    [ "$status" = 143 ]
    [ -z "$(ls temporary)" ] && [ ! -e run/report.html ] && [ ! -e run/report.html.part ]
    sleep 0.2
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/cwd" 2>/dev/null)" != "$PWD" ] ||
            ! grep -aq simclr-images "$process/cmdline" 2>/dev/null
    done
}

@test "a page that cannot be written is found out before anything is computed" {
    mkdir folder
    run -2 --separate-stderr simclr-report run -o folder
    [[ $stderr == *"Is a directory" ]]
    mkdir run/report.html.part
    run -1 --separate-stderr simclr-report run
    [[ $stderr == "simclr-report: cannot write 'run/report.html.part'" ]]
}

@test "a page that cannot be written is status 1" {
    [ -e /dev/full ] || skip
    run -1 --separate-stderr bash -c "simclr-report run --limit 0 -q -o - >/dev/full"
}
