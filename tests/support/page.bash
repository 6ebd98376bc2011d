# page.bash -- is an HTML page what it should be?
# SPDX-License-Identifier: MIT

# Every element that is opened is closed, in order; values of attributes are quoted; < and & stand for
# themselves nowhere; ids are there once, and links and labels lead to them; it is UTF-8 without
# control characters, loads nothing and runs nothing.
well_formed() { # FILE
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || return 1
    perl -0777 -ne '
        sub wrong { print "page: $_[0]\n"; $bad = 1 }
        wrong("no document type") unless s/^<!DOCTYPE html>\n//;
        wrong("a control character") if /[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/;
        s{<style>.*?</style>}{}s;
        %void = map { $_ => 1 } qw(meta img br);
        while (/\G([^<]*)(?:<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z][-a-zA-Z0-9]*(?:="[^"<]*")?)*)\s*(\/?)>)?/gc) {
            my ($text, $close, $name, $rest, $empty) = ($1, $2, $3, $4, $5);
            wrong("a bare & in: $text") if $text =~ /&(?!(?:[a-z]+|#[0-9]+);)/;
            last unless defined $name;
            wrong("$name runs or loads something") if $name =~ /^(script|iframe|object|embed|link|base|form)$/i;
            while ($rest =~ /([-a-zA-Z]+)="([^"]*)"/g) {
                my ($key, $value) = ($1, $2);
                wrong("a bare & in $key") if $value =~ /&(?!(?:[a-z]+|#[0-9]+);)/;
                wrong("$key runs something") if $key =~ /^on/i;
                wrong("$key loads $value") if $key =~ /^(src|href|data)$/ && $value !~ /^(data:image\/|#)/;
                wrong("id $value twice") if $key eq "id" && $id{$value}++;
                $to{$value} = 1 if $key eq "aria-labelledby";
                $to{substr $value, 1} = 1 if $key eq "href";
            }
            wrong("a picture without alt") if $name eq "img" && $rest !~ / alt="/;
            next if $void{$name} || $empty;
            if ($close) { my $open = pop @stack; wrong("</$name> closes <$open>") unless $open eq $name }
            else { push @stack, $name }
        }
        wrong("what is no markup: " . substr $_, pos, 60) if defined pos && pos() < length;
        wrong("not closed: @stack") if @stack;
        exists $id{$_} or wrong("nothing has id $_") for keys %to;
        exit $bad' "$1"
}
