/* label -- what is a number, a name, nothing.
 * SPDX-License-Identifier: MIT */
#include "formats/label.h"

#include "tests/unit/tap.h"

int main(void)
{
    OK(label_number("0") == 0 && label_number("007") == 7 &&
            label_number("999999999") == LABEL_MOST,
        "numbers");
    OK(label_number("") == LABEL_NONE && label_number("-1") == LABEL_NONE, "no label");
    OK(label_number("cat") == LABEL_NAME && label_number("1000000000") == LABEL_NAME &&
            label_number("-2") == LABEL_NAME && label_number("1 ") == LABEL_NAME &&
            label_number("1.5") == LABEL_NAME,
        "names");
    return tap_done();
}
