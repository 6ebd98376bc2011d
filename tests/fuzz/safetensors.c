/* safetensors -- fuzz target: any bytes as a document, and what is taken is written and read again.
 * SPDX-License-Identifier: MIT */
#include "formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct safetensors doc, again;
    void *const bytes = malloc(size + (size == 0));
    memcpy(bytes, data, size);
    if (safetensors_parse(&doc, bytes, size, &err) < 0) {
        require(err.status == ERR_INPUT && err.text[0] != '\0');
        free(bytes);
        return 0;
    }
    size_t head, total;
    unsigned char *const header =
        safetensors_header(&head, doc.metadata, doc.count, doc.tensor, &err);
    if (header != NULL) { /* numbers may be longer than they came: then it may not fit */
        total = head;
        for (int i = 0; i < doc.count; i++)
            total += doc.tensor[i].bytes;
        unsigned char *const copy = malloc(total);
        memcpy(copy, header, head);
        total = head;
        for (int i = 0; i < doc.count; i++) {
            memcpy(copy + total, doc.tensor[i].data, doc.tensor[i].bytes);
            total += doc.tensor[i].bytes;
        }
        require(safetensors_parse(&again, copy, total, &err) == 0);
        require(json_equal(doc.metadata, again.metadata));
        if (doc.count < 100) {
            char before[65], after[65];
            safetensors_digest(before, doc.count, doc.tensor);
            safetensors_digest(after, again.count, again.tensor);
            require(strcmp(before, after) == 0);
        }
        safetensors_free(&again);
        free(copy);
    }
    free(header);
    safetensors_free(&doc);
    free(bytes);
    return 0;
}
