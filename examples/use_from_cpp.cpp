// libdim from C++11: handles in unique_ptr, statuses as exceptions, one training step on random images.
#include <dim/dim.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

// One deleter for all handles: dim_<object>_destroy() by the type of the pointer.
struct Destroy {
    void operator()(dim_context *p) const { dim_context_destroy(p); }
    void operator()(dim_encoder *p) const { dim_encoder_destroy(p); }
    void operator()(dim_model *p) const { dim_model_destroy(p); }
    void operator()(dim_tensor *p) const { dim_tensor_destroy(p); }
};
template <class T> using Handle = std::unique_ptr<T, Destroy>;

static void check(const dim_context *ctx, dim_status status)
{
    if (status != DIM_OK)
        throw std::runtime_error(std::string(dim_status_name(status)) + ": " +
                                 (ctx != nullptr ? dim_context_error(ctx) : dim_status_message(status)));
}

// make(ctx, [&](dim_encoder **out) { return dim_encoder_create(..., out); })
template <class T, class Create> static Handle<T> make(const dim_context *ctx, Create create)
{
    T *raw = nullptr;
    check(ctx, create(&raw));
    return Handle<T>(raw);
}

static void run()
{
    auto context = make<dim_context>(nullptr, [](dim_context **out) {
        dim_context_options o;
        DIM_OPTIONS_INIT(&o);
        o.blas_threads = 1;
        return dim_context_create(&o, out);
    });
    dim_context *ctx = context.get();
    auto encoder = make<dim_encoder>(ctx, [&](dim_encoder **out) { return dim_encoder_create(ctx, nullptr, out); });
    auto model = make<dim_model>(ctx, [&](dim_model **out) { return dim_model_create(encoder.get(), nullptr, out); });

    dim_term_options term; // local DIM with the JSD estimator
    DIM_OPTIONS_INIT(&term);
    term.units = 256;
    check(ctx, dim_model_add_term(model.get(), &term));

    // 16 random RGB images, height x width x channels as most C++ image libraries keep them: a permuted view, no copy.
    const std::int64_t shape[4] = {16, 32, 32, 3};
    std::vector<std::uint8_t> pixels(16 * 32 * 32 * 3);
    std::mt19937 random(1);
    for (auto &p : pixels)
        p = static_cast<std::uint8_t>(random());
    auto nhwc = make<dim_tensor>(ctx, [&](dim_tensor **out) {
        return dim_tensor_wrap(ctx, DIM_U8, 4, shape, nullptr, pixels.data(), nullptr, nullptr, out);
    });
    auto images = make<dim_tensor>(ctx, [&](dim_tensor **out) {
        const int order[4] = {0, 3, 1, 2};
        return dim_tensor_permute(nhwc.get(), order, out);
    });

    check(ctx, dim_model_step(model.get(), images.get()));
    for (int i = 0; i < dim_model_report_count(model.get()); i++) {
        const char *name = dim_model_report_name(model.get(), i);
        double value = 0;
        check(ctx, dim_model_report(model.get(), name, &value));
        std::printf("%-12s %g\n", name, value);
    }
}

int main(int argc, char **argv)
{
    const bool help = argc == 2 && std::strcmp(argv[1], "--help") == 0;
    if (argc > 1 && !help) {
        std::fprintf(stderr, "use_from_cpp: unknown argument '%s'; it takes none\n", argv[1]);
        return 2;
    }
    try {
        if (help)
            std::printf("use_from_cpp: one training step on random images, from C++; takes no arguments\n");
        else
            run();
        const bool lost = std::ferror(stdout) != 0;
        if (std::fclose(stdout) != 0 || lost)
            throw std::runtime_error("cannot write to standard output");
    } catch (const std::exception &e) {
        std::fprintf(stderr, "use_from_cpp: %s\n", e.what());
        return 1;
    }
}
