/* Settings as texts: two values of one setting are compared, one text is read as a field of an options struct and as the name of
 * an enum's value.  The first byte chooses; two values have a zero byte between them. */
#include "fuzz.h"

#include "base/enums.h"
#include "nn/layers/layer.h"
#include "train/settings.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *(*name)(int value);
} names[] = {
#define DIM__ENUM(type, stem) { dim__##stem##_name },
#define DIM__VALUE(value, text)
#define DIM__END(force)
#include "base/enums.def"
#undef DIM__ENUM
#undef DIM__VALUE
#undef DIM__END
};

static void read_field(const char *text)
{
    char written[2048] = "", rewritten[2048] = "";
    dim_layer_options o, again;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&again);
    if (!dim__field_get(text, &dim__layer_table, &o))
        return;
    fuzz_accepted++;
    dim__fields_put(written, 0, sizeof written, &dim__layer_table, &o);
    if (written[0] == '\0') /* a zero */
        return;
    fuzz_require(dim__field_get(written + 2, &dim__layer_table, &again));
    dim__fields_put(rewritten, 0, sizeof rewritten, &dim__layer_table, &again);
    fuzz_require(strcmp(written, rewritten) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = malloc(size);
    fuzz_require(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    size_t length = strlen(text);
    if ((data[0] & 1) == 0) {
        const char *now = length + 1 < size ? text + length + 1 : "";
        dim_status status = dim__settings_compare(fuzz_context(), (data[0] & 2) != 0 ? "optimizer" : "encoder", text, now);
        fuzz_require((status == DIM_OK) == (strcmp(text, now) == 0) || status == DIM_E_INVALID);
        (void)fuzz_status(status);
    } else {
        read_field(text);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            int value = dim__enum_value(names[i].name, text);
            fuzz_require(value < 0 || strcmp(names[i].name(value), text) == 0);
        }
    }
    free(text);
    return 0;
}
