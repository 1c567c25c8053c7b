/* CIFAR-10, CIFAR-100 and STL-10: records of a fixed size.  The bytes say which, how many records, how many bytes more or less,
 * the labels, and what stands in the file of the classes' names. */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

enum { CIFAR10, CIFAR100, STL10, KINDS, MOST = 3, RECORD = 27648 };

static void link_all(void)
{
    static const char *const names[] = { "train.bin", "train_X.bin", "data_batch_1.bin" };
    static const char *const others[] = { "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin" };
    static const char *const texts[] = { "batches.meta.txt", "fine_label_names.txt", "coarse_label_names.txt",
                                         "class_names.txt" };
    static uint8_t record[3073];
    for (int i = 0; i < 3; i++)
        fuzz_link(names[i], 0);
    fuzz_link("train_y.bin", 1);
    for (int i = 0; i < 4; i++) {
        fuzz_link(texts[i], 2);
        fuzz_link(others[i], 3);
    }
    (void)fuzz_file(3, record, sizeof record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const specs[] = { "cifar10", "cifar100", "stl10" };
    static const size_t records[] = { 3073, 3074, 27648 };
    static uint8_t file[MOST * RECORD + 256];
    static char spec[80];
    fuzz_bytes b = { data, size };
    dim_dataset *ds = NULL;
    dim_dataset_options o;
    DIM_OPTIONS_INIT(&o);
    if (spec[0] == '\0')
        link_all();
    unsigned kind = fuzz_byte(&b) % KINDS, n = fuzz_byte(&b) % (MOST + 1), labels = fuzz_byte(&b) % 5;
    int more = (int8_t)fuzz_byte(&b);
    o.labels = (dim_labels)(fuzz_byte(&b) % 3);
    size_t bytes = records[kind] * n, got;
    memset(file, 0, sizeof file);
    for (unsigned i = 0; kind != STL10 && i < n; i++)
        for (unsigned k = 0; k <= kind; k++)
            file[i * records[kind] + k] = (uint8_t)fuzz_byte(&b);
    bytes = more < 0 && (size_t)-more > bytes ? 0 : bytes + (size_t)(int64_t)more;
    (void)fuzz_file(0, file, bytes);
    const uint8_t *y = fuzz_take(&b, labels, &got);
    (void)fuzz_file(1, y, got);
    (void)fuzz_file(2, b.at, b.left);
    snprintf(spec, sizeof spec, "%s:%s", specs[kind], fuzz_folder());
    fuzz_begin();
    if (fuzz_status(dim_dataset_open_with(fuzz_context(), spec, DIM_SPLIT_TRAIN, &o, &ds)))
        for (int64_t i = 0; i < dim_dataset_classes(ds); i++) {
            const char *name = dim_dataset_class_name(ds, i);
            fuzz_require(name == NULL || strchr(name, '\n') == NULL);
        }
    else
        fuzz_require(ds == NULL);
    dim_dataset_destroy(ds);
    fuzz_end();
    return 0;
}
