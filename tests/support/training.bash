# training.bash -- what the tests of simclr-encode and simclr-project share.
# SPDX-License-Identifier: MIT

load ../support/runs

training_setup() {
    ROOT=$PWD
    common_setup
    PATH=$SUPPORT:$PATH
}

# Pictures of noise, 12 of 16x16 a step in two views; further arguments as make_stream has them.
views() {
    make_stream kind=views column=pixels:U8:16,16,3 pictures=12 "$@"
}

# Features likewise, 64 wide.
features() {
    make_stream kind=features column=h:F32:64 pictures=12 signal=1 "$@"
}

# Gradients that fit them.
gradients() {
    make_stream kind=gradients column="grad:F32:${width:-64}" pictures=12 "$@"
}

# The column NAME of a stream on standard input, a line a row, as hexadecimal digits.
column() { # NAME
    zstd -dc | perl -0777 -ne '
        BEGIN { $name = shift @ARGV; binmode STDIN; @ARGV = ("-") }
        for ($at = 0; $at < length; $at += 8 + $n + $size) {
            $n = unpack "Q<", substr $_, $at, 8;
            $text = substr $_, $at + 8, $n;
            $size = 0;
            while ($text =~ /"data_offsets":\[\d+,(\d+)\]/g) { $size = $1 if $1 > $size }
            next unless $text =~
                /"\Q$name\E":\{"dtype":"\w+","shape":\[(\d+)[\d,]*\],"data_offsets":\[(\d+),(\d+)\]/;
            $row = ($3 - $2) / $1;
            for $i (0 .. $1 - 1) {
                print unpack("H*", substr $_, $at + 8 + $n + $2 + $i * $row, $row), "\n";
            }
        }' -- "$1"
}

# Two columns of F32 as column() prints them: the largest difference is within TOLERANCE of the
# largest number.
near() { # TOLERANCE A B
    paste "$2" "$3" | perl -lane '
        BEGIN { $tolerance = shift @ARGV; @ARGV = ("-") }
        die "rows differ in width\n" unless @F == 2 && length $F[0] == length $F[1];
        @a = unpack "f<*", pack "H*", $F[0];
        @b = unpack "f<*", pack "H*", $F[1];
        for (0 .. $#a) {
            $apart = abs $a[$_] - $b[$_] if $apart < abs $a[$_] - $b[$_];
            $most = abs $b[$_] if $most < abs $b[$_];
        }
        END { print "differ by $apart of $most in $. rows"; exit !($. && $apart <= $tolerance * $most) }
        ' -- "$1"
}

# A value of the metadata of a file of weights.
metadata() { # FILE KEY
    simclr-inspect "$1" | awk -F '\t' -v key="$2" '$1 == key { print $2 }'
}

# No half-written file is left behind.
no_part() {
    [ -z "$(find . -name '*.part')" ]
}

# Run a tool that must fail: STATUS, a pattern for what it says, then the command. Its output, if any,
# is in refused.out, and no --save file `never` appears.
refused() { # STATUS PATTERN COMMAND...
    local wanted=$1 pattern=$2 status=0
    shift 2
    "$@" >refused.out 2>said || status=$?
    echo "status $status, said: $(cat said)"
    [ "$status" = "$wanted" ]
    [[ $(cat said) == $pattern ]]
    [ ! -e never ]
    no_part
}
