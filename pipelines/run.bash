# run.bash -- what the commands that train share: a run folder with a lock, a command that goes on where it
# was stopped or killed, the stages as a process group, and which of them failed.
#
# `make` puts this file in the place of the line that reads it, so that each command is one file.
# A run folder holds: command (what the run was started with), log.tsv (one line a step), state/
# (checkpoints NAME-STEP), messages (what the stages said), lock.
# Expected: $me, $quiet; and for each stage NAME, simclr-NAME in an array c_NAME.
# SPDX-License-Identifier: MIT

say() { printf '%s: %s\n' "$me" "${*//[[:cntrl:]]/?}" >&2; }
die() { local status=$1; shift; say "$*"; exit "$status"; }

stop=0 group='' beside='' # process groups: of the stages, and of what works beside them
pass_on() { # a signal: to all of them at once
    [ -z "$group" ] || kill -TERM -- "-$group" 2>/dev/null
    [ -z "$beside" ] || kill -TERM -- "-$beside" 2>/dev/null
}
trap 'stop=$((stop + 1)); pass_on' TERM INT HUP

whole() { # NAME VALUE LOW
    [[ $2 =~ ^[0-9]{1,15}$ ]] && [ "$((10#$2))" -ge "$3" ] ||
        die 2 "$1 takes a whole number from $3 up, not '$2'"
}

passed() { # STAGE OPTIONS: in two columns, for --help
    # shellcheck disable=SC2086 # words
    printf '%s\n' $2 | paste -s -d ' ' | fold -s -w 65 |
        sed "1s/^/$(printf '  %-28s  ' "$1")/; 2,\$s/^/$(printf '%32s' '')/; s/ *\$//"
}

among() { # OPTION OPTIONS: is it one of them?
    [[ " ${2//$'\n'/ } " == *" $1 "* ]]
}

# ---- the run folder -------------------------------------------------------------------------------

run_open() { # FOLDER: make it and lock it; its full name is in $run
    local holder why
    why=$(mkdir -p -- "$1/state" 2>&1) || die 1 "cannot make the folder '$1': ${why##*: }"
    run=$(CDPATH='' cd -- "$1" && pwd) || exit 1
    lock=$run/lock
    # The stages inherit the lock: after a kill -9 of the command it is held until they are gone too.
    { exec 9<>"$lock"; } 2>/dev/null || die 1 "cannot open '$lock'"
    if ! flock -n 9; then
        holder=$(head -n 1 "$lock")
        [[ $holder =~ ^[0-9]+$ ]] && kill -0 "$holder" 2>/dev/null &&
            die 1 "'$lock' is held by process $holder: this run is under way"
        say "waits for '$lock': stages of an earlier start are still there"
        until flock -w 1 9; do
            [ $stop = 0 ] || exit 75
        done
    fi
    printf '%s\n' $$ 2>/dev/null >"$lock" # on a full disk it just names nobody
}

run_same() { # COMMAND: the same goes on; another one is refused, if there is something to lose
    local changed
    if [ -e "$run/command" ] && { [ -n "$(ls -A "$run/state")" ] || [ -n "$(sed 1d "$run/log.tsv" 2>/dev/null)" ]; }; then
        changed=$(diff "$run/command" <(printf '%s\n' "$1") | grep '^[<>]' | head -n 2)
        [ -n "$changed" ] || return 0
        say "'$out' was started by another command: ${changed//$'\n'/; now }"
        say "hint: choose another --out, or remove '$out'"
        exit 2
    fi
    printf '%s\n' "$1" 2>/dev/null >"$run/command.part" && mv "$run/command.part" "$run/command" || {
        rm -f "$run/command.part"
        die 1 "cannot write '$run/command'"
    }
}

run_clean() { # what a start that was killed has left
    rm -f "$run"/*.part "$run"/state/*.part "$run/said" "$run/status"
}

# The lines of the log that are whole, with the header, up to step $1: a step without a readable picture
# has none, so they are not counted. After a power failure the last may be cut, or be zeros.
log_until() {
    { cat "$run/log.tsv" 2>/dev/null; printf '\001\n'; } | LC_ALL=C awk -v end="$1" '
        BEGIN { last = -1 }
        NR == 1 && /^step\t/ { n = NF; print; next }
        NF != n || /[^-+.0-9a-z\t]/ || $1 !~ /^[0-9]+$/ || $1 <= last || $1 >= end { exit }
        { last = $1; print }'
}

steps_of() { # NAME
    local file
    for file in "$run/state/$1"-??????????.safetensors; do
        [ -e "$file" ] && { file=${file%.safetensors}; echo "${file##*-}"; }
    done | sort
}

# Go on after the highest step that all training stages have saved, and of which the log tells; what is
# newer goes. Sets $start, and $resume, the options of the stages. Where it is 0 an old log is still there.
run_resume() { # NAME...: the training stages
    local name step newest why='' logged all
    logged=$(log_until 9999999999 | awk 'END { print (NR > 1 ? $1 + 1 : 0) }')
    start=0000000000 newest=0000000000 resume=()
    all=$(for name; do steps_of "$name"; done | sort | uniq -c | awk -v n=$# '$1 == n { print $2 }')
    for newest in $all; do
        [ "$((10#$newest))" -gt "$logged" ] || start=$newest
    done
    if [ "$((10#$newest))" -gt 0 ] && [ "$((10#$start))" = 0 ]; then
        say "'$out/log.tsv' ends after $logged steps, before every checkpoint"
        say "hint: bring its end back, or remove '$out/state' to begin anew"
        exit 3
    fi
    for name; do
        for step in $(steps_of "$name"); do
            [ "$((10#$step))" -le "$((10#$start))" ] || rm -f "$run/state/$name-$step.safetensors"
        done
    done
    start=$((10#$start)) newest=$((10#$newest))
    [ $start = $newest ] || why=": '$out/log.tsv' ends before step $newest"
    if [ $start -gt 0 ]; then
        log_until $start >"$run/log.part" && sync "$run/log.part" &&
            mv "$run/log.part" "$run/log.tsv" && sync "$run" || {
            rm -f "$run/log.part"
            die 1 "cannot cut '$run/log.tsv' to $start steps"
        }
        resume=(--start-step "$start")
        [ "$quiet" = 1 ] || say "goes on after step $start$why"
    fi
}

# ---- the pipeline ---------------------------------------------------------------------------------

plain() { # words that need no quotes, without them
    sed "s/'\([-A-Za-z0-9_./,=+]*\)'/\1/g"
}

run_show() { # NAME...: the pipeline, as it can be typed by hand
    local name line
    for name; do
        local -n shown=c_$name
        printf -v line '%s ' "${shown[@]@Q}"
        if [ "$name" = "${!#}" ]; then
            printf '%s>> %s\n' "$line" "${run@Q}/log.tsv"
        else
            printf '%s|\n  ' "$line"
        fi
    done | plain >&2
}

# The largest memory that each stage has had so far, where the system tells.
memory_so_far() { # NAME...
    cat /proc/[0-9]*/status 2>/dev/null | awk -v group="$group" -v names="$*" '
        function size(k) { return k < 1048576 ? sprintf("%.0f MiB", k / 1024) : sprintf("%.1f GiB", k / 1048576) }
        $1 == "Name:" { name = $2; ours = 0 }
        $1 == "NSpgid:" { ours = $2 == group && sub(/^simclr-/, "", name) }
        $1 == "VmHWM:" && ours { peak[name] = $2; all += $2 }
        END {
            n = split(names, stage)
            for (i = 1; i <= n; i++)
                if (stage[i] in peak) { printf "%s%s %s", told++ ? ", " : "; memory: ", stage[i], size(peak[stage[i]]) }
            if (told) printf ", together %s", size(all)
        }'
}

# Once the stages run: a command that begins something beside them has another. What is open as descriptor 3
# the stages have too, the tee has not.
run_started() { :; }

# Run the stages; the last one writes the log. Their statuses are in $statuses, which is empty if their
# shell was killed, and what they said in $said.
#
# What they say and how they end comes through pipes: on a full disk it is not lost. A tee that outlives
# the command keeps RUN/messages, so that a stage that speaks never does so to nobody. The forecast of
# the last stage comes the same way.
run_stages() { # NAME...
    local messages=$run/messages log=$run/log.tsv pipeline='exec 4<&-' last=${!#} name line
    : >"$messages" || die 1 "cannot write '$messages'"
    mkfifo "$run/said" "$run/status" || die 1 "cannot make FIFOs in '$out'"
    # shellcheck disable=SC2094 # both ends of a pipe
    exec 8<>"$run/status" 7<>"$run/said" 5>"$run/said" 6<"$run/said" 7>&-
    rm -f "$run/said" "$run/status"
    exec 4< <(trap '' TERM INT HUP; exec tee -p -a "$messages" <&6 3>&- 5>&- 8>&- 9>&-) 6<&-
    pipeline+=$'\n'
    for name in "${@:1:$#-1}"; do
        pipeline+="\"\${c_${name}[@]}\" 2>&5 | "
    done
    pipeline+="{ [ -t 2 ] || exec 2>&5; exec \"\${c_${last}[@]}\" >>\"\$log\"; }"$'\n'
    pipeline+='echo "${PIPESTATUS[@]}" >&8'

    # A process group of its own, started with both signals blocked: the stages unblock them once they
    # know what to do, so that no signal is lost and none ends a stage too early.
    [ $stop = 0 ] || exit 75
    set -m
    # The script comes through a descriptor: a single argument may have no more than 128 KiB.
    env --block-signal=TERM --block-signal=INT bash /dev/fd/10 10<<<"exec 10<&-
        $(declare -p "${@/#/c_}") log=${log@Q}
        $pipeline" &
    group=$!
    set +m
    exec 5>&-
    [ $stop = 0 ] || pass_on
    run_started
    said=()
    while IFS= read -r line <&4; do # until all stages are gone
        if [[ $line == 'about '* ]]; then # the forecast
            [ ! -t 2 ] || printf '\r\033[K' >&2 # there is a progress line
            say "$line$(memory_so_far "$@")"
            continue
        fi
        printf '%s\n' "$line" >&2
        said+=("$line")
    done
    while kill -0 "$group" 2>/dev/null; do
        wait "$group" 2>/dev/null
    done
    group=
    read -t 0.1 -r -a statuses <&8 || statuses=()
}

# The stage to blame: one that was killed, else one that failed (1) or was misused (2), else, of those
# whose input was damaged (3), the one that said so first. The others only lost a neighbour.
run_blame() { # NAME...
    local i s line names=("$@")
    for i in "${!names[@]}"; do
        s=${statuses[i]}
        if [ "$s" -gt 128 ] && [ "$s" != 141 ]; then echo "$i"; return; fi
    done
    for s in 1 2; do
        for i in "${!names[@]}"; do
            if [ "${statuses[i]}" = $s ]; then echo "$i"; return; fi
        done
    done
    for i in "${!names[@]}"; do
        [ "${statuses[i]}" = 3 ] || continue
        line=$(printf '%s\n' "${said[@]}" | grep -n "^simclr-${names[i]}: " | tail -n 1 | cut -d: -f1)
        echo "${line:-999999} $i"
    done | sort -n | sed -n '1s/.* //p'
}

# Return if all went well; else leave, with 75 if the training stages $1 were stopped and have saved.
run_outcome() { # "TRAINING..." NAME...
    local i s name message stopped=1 trainers=" $1 "
    shift
    [ ${#statuses[@]} -gt 0 ] ||
        die 1 "the pipeline was killed; the same command goes on from the last checkpoint"
    [[ ${statuses[*]} =~ [1-9] ]] || return 0
    i=0
    for name; do
        [[ $trainers != *" $name "* ]] || [ "${statuses[i]}" = 75 ] || stopped=0
        i=$((i + 1))
    done
    if [ $stopped = 1 ]; then
        say "stopped, state saved; the same command goes on"
        exit 75
    fi
    i=$(run_blame "$@")
    [ -n "$i" ] || die 1 "a stage left too early: statuses ${statuses[*]}"
    shift "$i"
    name=simclr-$1 s=${statuses[i]}
    [ "$s" -le 128 ] ||
        die 1 "$name was killed by signal $((s - 128)); the same command goes on from the last checkpoint"
    message=$(printf '%s\n' "${said[@]}" | grep "^$name: " | grep -v ': hint: ' | tail -n 1)
    say "$name failed with status $s${message:+: ${message#"$name: "}}"
    exit "$s"
}
