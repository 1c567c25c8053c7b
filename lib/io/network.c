#include "io/network.h"

#include "nn/network_text.h"

dim_status dim__network_save(const dim_encoder *enc, const dim__param_group *groups, int n, const char *path)
{
    char *text;
    DIM__TRY(dim__network_write(enc, &text));
    dim_status status = dim__params_save(enc->ctx, groups, n, &(dim__meta){ DIM__NETWORK_KEY, text }, 1, path);
    dim__free(enc->ctx, text);
    return status;
}

dim_status dim__network_open(dim_context *ctx, const char *path, dim_encoder **out)
{
    dim__weights_file *file;
    dim_encoder *enc = NULL;
    dim_status status;
    DIM__TRY(dim__weights_file_open(ctx, path, &file));
    const char *text = dim__weights_file_meta(file, DIM__NETWORK_KEY);
    if (text == NULL)
        status = dim__fail(ctx, DIM_E_FORMAT, "the file does not say which layers its weights are of (its metadata has no "
                           DIM__NETWORK_KEY "); make the encoder and load the weights into it: %s", path);
    else
        status = dim__network_read(ctx, text, path, dim__weights_file_most(file), &enc);
    if (status == DIM_OK) {
        dim__param_group group = { "", &enc->params };
        status = dim__params_read(ctx, &group, 1, "encoder.", file);
    }
    dim__weights_file_close(file);
    if (status == DIM_OK)
        *out = enc;
    else
        dim__encoder_release(enc);
    return status;
}
