// A C++ exception that leaves a callback: it arrives at the caller of dim_dataset_read(), and the data set can be used as before.
#include <dim/dim.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <unistd.h>

namespace {

bool throws;

int sample(void *, int64_t index, void *image, int64_t *label)
{
    if (throws && index == 2)
        throw std::runtime_error("sample 2");
    for (int i = 0; i < 4; i++)
        static_cast<unsigned char *>(image)[i] = static_cast<unsigned char>(index);
    *label = index;
    return 0;
}

void need(bool holds, const char *what)
{
    if (!holds) {
        std::fprintf(stderr, "%s\n", what);
        std::exit(1);
    }
}

template <typename call> bool throws_out(call made)
{
    throws = true;
    try {
        made();
    } catch (const std::runtime_error &) {
        throws = false;
        return true;
    }
    throws = false;
    return false;
}

} // namespace

int main()
{
    const int64_t shape[3] = { 1, 2, 2 }, batch_shape[4] = { 4, 1, 2, 2 };
    dim_context *ctx = nullptr;
    dim_dataset *ds = nullptr;
    dim_tensor *images = nullptr, *batch = nullptr;
    alarm(60); // instead of waiting for ever
    need(dim_context_create(nullptr, &ctx) == DIM_OK, "no context");
    need(dim_dataset_from_callback(ctx, 4, DIM_U8, 3, shape, 4, sample, nullptr, &ds) == DIM_OK, "no dataset");
    need(dim_tensor_create(ctx, DIM_U8, 4, batch_shape, &images) == DIM_OK, "no tensor");
    for (int i = 0; i < 3; i++)
        need(throws_out([&] { dim_dataset_read(ds, 0, 4, images, nullptr); }), "the exception does not arrive");
    need(dim_dataset_read(ds, 0, 4, images, nullptr) == DIM_OK, "reading after the exception fails");
    need(static_cast<unsigned char *>(dim_tensor_data(images))[12] == 3, "reading after the exception gives other samples");
    for (uint32_t no_thread = 0; no_thread < 2; no_thread++) {
        dim_loader_options o;
        dim_loader *loader = nullptr;
        DIM_OPTIONS_INIT(&o);
        o.batch = 4;
        o.no_thread = no_thread;
        if (no_thread == 0)
            need(throws_out([&] { dim_dataset_read(ds, 0, 4, images, nullptr); }), "the exception does not arrive");
        need(dim_loader_create(ds, &o, &loader) == DIM_OK, "no loader");
        if (no_thread == 1)
            need(throws_out([&] { dim_loader_next(loader, &batch, nullptr); }), "the exception does not arrive");
        for (int i = 0; i < 5; i++)
            need(dim_loader_next(loader, &batch, nullptr) == DIM_OK, "the loader's next batch fails");
        dim_loader_destroy(loader);
    }
    dim_tensor_destroy(images);
    dim_dataset_destroy(ds);
    dim_context_destroy(ctx);
    return 0;
}
