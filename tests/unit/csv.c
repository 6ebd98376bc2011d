/* csv -- quotes, line ends and columns in all their forms, and what is refused.
 * SPDX-License-Identifier: MIT */
#include "formats/csv.h"

#include "tests/unit/holding.h"

#include <unistd.h>

static const char *put(const char *text)
{
    return holding_put("a.csv", text, strlen(text));
}

static void check_forms(void)
{
    OK(holding_is(put("filenames,embedding_0,embedding_1,labels\r\na,0.5,-1e-3,3\r\nb,1,2,-1\r\n"),
           NULL, 10, "h id label name ", "0 3 a: 0.5 -0.00100000005;1 -1 b: 1 2;"),
        "as lightly writes it");
    OK(holding_is(put("\xef\xbb\xbfname,h_0,id,h_x,label,view\n\"a,\"\"b\"\"\n\",0.5,7,x,,1\n"),
           "z", 1, "z id label view name ", "7 -1 1 a,\"b\"\n: 0.5;"),
        "quotes, a line end in a name, a byte order mark, no label, a column that is left out");
    OK(holding_is(
           put("0,1,2\n1,2,3\n4,5,6\n7,8,9\n"), NULL, 2, "h id ", "0 : 1 2 3;1 : 4 5 6;2 : 7 8 9;"),
        "numbers for names, nothing else, records of two rows");
    OK(holding_is(put("h_0,h_1,g_2,h_2\n1,2,3,4\n"), NULL, 2, "h id ", "0 : 1 2;"),
        "features end where their names do");
    OK(holding_is(put("filenames,embedding_0,labels\r\n"), NULL, 2, "h id label name ", ""),
        "no rows");
    OK(holding_is(put("h_0,name\n1,a\rb\n"), NULL, 2, "h id name ", "0 a\rb: 1;"),
        "a carriage return in a name");
}

static void check_refused(void)
{
    static const struct {
        const char *text, *why;
    } bad[] = {{"", "is empty"}, {"a,b,c\n1,2,3\n", "has no features"}, {"\n", "has no features"},
        {"h_1,h_2\n1,2\n", "has no features"}, {"h_0,h_1\n1\n", "row 1 of 'a.csv' has 1 fields"},
        {"h_0\n1,2\n", "has 2 fields, not 1"},
        {"h_0\n1\n\n", "row 2 of 'a.csv' has the feature ''"}, {"h_0\nx\n", "feature 'x'"},
        {"h_0\n1x\n", "feature '1x'"}, {"h_0\n0x1\n", "feature '0x1'"},
        {"h_0,label\n1,2.0\n", "label '2.0'"}, {"h_0,label\n1,x\n", "label 'x'"},
        {"h_0,id\n1,\n", "id ''"}, {"h_0,id\n1,99999999999999999999\n", "has the id"},
        {"h_0\n\"1\"2\n", "behind a quote"}, {"h_0\n\"1\n", "cut short"}, {"h_0\n1", "cut short"},
        {"h_0", "cut short"}, {"h_0\n\"", "cut short"}, {"h_0\n\"\"", "cut short"},
        {"label,labels,h_0\n1,2,3\n", "more than one"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        OK(holding_refused(put(bad[i].text), bad[i].why), "refused: %s", bad[i].why);
    holding_put("a.csv", "h_0\n1\0002\n", 8);
    OK(holding_refused("a.csv", "feature '1'"), "refused: a zero byte in a number");
}

static void check_prefixes(void)
{
    static const char text[] = "name,h_0,label\n\"a\"\"b\",0.25,3\nc,1.5,4\n";
    int refused = 0, good = 1;
    for (size_t cut = 0; cut < sizeof text - 1; cut++) {
        holding_put("a.csv", text, cut);
        if (cut > 0 && text[cut - 1] == '\n')
            continue; /* between rows nobody can tell */
        refused++;
        good = good && holding_refused("a.csv", "");
    }
    OK(good && refused > 30, "every prefix that ends within a row is refused");
}

int main(void)
{
    char root[] = "/tmp/csv.XXXXXX", command[60];
    if (mkdtemp(root) == NULL || chdir(root) < 0)
        return 1;
    check_forms();
    check_refused();
    check_prefixes();
    snprintf(command, sizeof command, "rm -r %s", root);
    OK(chdir("/") == 0 && system(command) == 0, "nothing is left behind");
    return tap_done();
}
