#!/usr/bin/env bats
# simclr-plot -- curves of a table: what is drawn, and what is refused.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load ../support/runs

setup() {
    common_setup
    printf 'step\tloss\tbase\n0\t5\t6\n1\t4\t6\n2\tnan\t6\n3\t3\t6\n' >t.tsv
}

@test "help goes to standard output, with the options of the man page" {
    run -0 --separate-stderr simclr-plot --help
    [ -z "$stderr" ] && [[ $output == *--curves* ]]
}

@test "misuse has status 2, one line, and nothing on standard output" {
    for arguments in "" "-x step t.tsv" "-y loss t.tsv" "-x step -y loss none.tsv" "-x step -y loss t.tsv t.tsv" \
        "-x step -y a,b,c,d,e,f,g t.tsv" "-x step -y loss,base --names one t.tsv" \
        "-x step -y loss --y-min 2 --y-max 1 t.tsv" "-x step -y loss --points 1 t.tsv" \
        "-x step -y loss --width 3 t.tsv" "-x step -y loss --bogus t.tsv"; do
        run -2 bash -c "simclr-plot $arguments 2>err"
        [ -z "$output" ]
        [ "$(grep -vc hint: err)" -eq 1 ]
    done
}

@test "a file, standard input and --input give the same, and again" {
    simclr-plot -x step -y loss,base t.tsv >a
    simclr-plot -x step -y loss,base <t.tsv >b
    simclr-plot -x step -y loss,base -i t.tsv -o c
    cmp a b && cmp a c
    head -n 1 a | grep -q '^<svg xmlns="http://www.w3.org/2000/svg" width="640" height="320"'
    [ "$(tail -n 1 a)" = "</svg>" ]
    no_part() { [ -z "$(find . -name '*.part')" ]; }
    no_part
}

@test "the curves are those columns, with their names and last numbers" {
    simclr-plot -x step -y loss,base --names 'Loss & co,<base>' --page t.tsv >a
    grep -q 'Loss &amp; co <tspan class="last">3.00</tspan>' a
    grep -q '&lt;base&gt; <tspan class="last">6.00</tspan>' a
    [ "$(grep -c 'class="dot-1"' a)" = 3 ] # of four rows one is no number
    [ "$(grep -c '<path class="line' a)" = 2 ]
    ! grep -q '<style' a
}

@test "a table that is still written, or damaged, or has no such column" {
    printf '4\t2' >>t.tsv
    simclr-plot -x step -y loss t.tsv >a
    grep -q '<tspan class="last">3.0' a # the line without an end may be cut
    printf '5\tx\t6\n' >>t.tsv
    run -3 --separate-stderr simclr-plot -x step -y loss t.tsv
    [ -z "$output" ] && [[ $stderr == "simclr-plot: 't.tsv' has "*"line 6"* ]]
    run -3 simclr-plot -x step -y none t.tsv
    [[ $output == *"no column 'none'"* ]]
    run -3 bash -c "printf 'step\tloss\n' | simclr-plot -x step -y loss"
    [[ $output == *"no number to be shown"* ]]
    run -3 simclr-plot -x step -y loss -o never t.tsv
    [ ! -e never ] && [ ! -e never.part ]
    head -c 100000 /dev/urandom >noise
    run -3 simclr-plot -x step -y loss noise
}

@test "a hundred thousand rows are a small picture" {
    awk 'BEGIN { print "x\ty"; for (i = 0; i < 100000; i++) print i "\t" sin(i / 5000) + i % 7 / 50 }' >t
    simclr-plot -x x -y y t >a
    [ "$(wc -c <a)" -lt 20000 ]
    grep -q 'class="band band-1"' a
}

@test "a full disk is status 1, an early reader 141" {
    [ -e /dev/full ] || skip
    run -1 --separate-stderr bash -c "simclr-plot -x step -y loss t.tsv >/dev/full"
    [[ $stderr == *"No space left"* ]]
    awk 'BEGIN { print "x\ty"; for (i = 0; i < 9999; i++) print i "\t" i * i }' >t
    run -141 bash -c "simclr-plot -x x -y y --points 9999 t | head -c 10 >/dev/null; exit \${PIPESTATUS[0]}"
}
