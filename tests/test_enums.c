/* Names of enums' values: every value has one, another number has none, and a name leads back to its value. */
#include "base/enums.h"
#include "data/augment/augment.h"
#include "nn/encoder.h"
#include "nn/layers/layer.h"
#include "information/information.h"
#include "objective/critics/critics.h"
#include "objective/estimators/estimators.h"
#include "objective/losses/losses.h"
#include "objective/priors/prior.h"
#include "optim/optim.h"

#include <dim/dim.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct names {
    const char *type;
    const char *(*name)(int value);
    int last;
} names;

/* The last values, so that a list which ends early is found; the compiler finds one that leaves a value out. */
static const names all[] = {
    { "dim_gemm", dim__gemm_kind_name, DIM_GEMM_REFERENCE },
    { "dim_cpu_level", dim__cpu_level_name, DIM_CPU_REFERENCE },
    { "dim_executor", dim__executor_name, DIM_EXECUTOR_REFERENCE },
    { "dim_precision", dim__precision_name, DIM_PRECISION_BF16 },
    { "dim_init", dim__init_name, DIM_INIT_DCGAN },
    { "dim_layer_init", dim__layer_init_name, DIM_LAYER_INIT_NORMAL },
    { "dim_padding_mode", dim__padding_mode_name, DIM_PADDING_REFLECT },
    { "dim_schedule_kind", dim__schedule_name, DIM_SCHEDULE_COSINE },
    { "dim_negatives", dim__negatives_name, DIM_NEGATIVES_SHUFFLE },
    { "dim_shortcut", dim__shortcut_name, DIM_SHORTCUT_RANDOM },
    { "dim_repeat", dim__repeat_name, DIM_REPEAT_FROM_TAP },
    { "dim_split", dim__split_name, DIM_SPLIT_TRAIN_UNLABELED },
    { "dim_labels", dim__labels_name, DIM_LABELS_NONE },
    { "dim_on_error", dim__on_error_name, DIM_ON_ERROR_SKIP },
    { "dim_augment_sharing", dim__sharing_name, DIM_AUGMENT_SHARING_VIEW },
    { "dim_input_kind", dim__input_kind_name, DIM_INPUT_ONE_HOT },
    { "dim_adversary", dim__adversary_name, DIM_ADVERSARY_LEAST_SQUARES },
    { "dim_loss_kind", dim__loss_name, DIM_LOSS_DISCRETE },
    { "dim_augment_op", dim__augment_op_name, DIM_AUGMENT_OP_NORMALIZE },
    { "dim_layer_kind", dim__layer_name, DIM_LAYER_OCCLUDE },
    { "dim_encoder_kind", dim__encoder_name, DIM_ENCODER_FOLDRESNET34 },
    { "dim_critic", dim__critic_name, DIM_CRITIC_PLAIN_DOT },
    { "dim_estimator_kind", dim__estimator_name, DIM_ESTIMATOR_GAN },
    { "dim_prior_kind", dim__prior_name, DIM_PRIOR_GAUSSIAN },
    { "dim_information_method", dim__mi_method_name, DIM_INFORMATION_CONSTANT },
    { "dim_information_order", dim__information_order_name, DIM_INFORMATION_ORDER_SERIES },
    { "dim_information_missing", dim__information_missing_name, DIM_INFORMATION_MISSING_DROP },
    { "dim_optimizer_kind", dim__rule_name, DIM_OPTIMIZER_RMSPROP },
};
enum { ALL = (int)(sizeof all / sizeof *all) };

static void test_names(void **state)
{
    (void)state;
    for (const names *n = all; n < all + ALL; n++) {
        for (int i = 0; i <= n->last; i++) {
            if (n->name(i) == NULL || n->name(i)[0] == '\0')
                fail_msg("%s: %d has no name", n->type, i);
            if (dim__enum_value(n->name, n->name(i)) != i)
                fail_msg("%s: %d and %d are both '%s'", n->type, i, dim__enum_value(n->name, n->name(i)), n->name(i));
        }
        const int others[] = { -1, n->last + 1, INT_MAX, INT_MIN };
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            if (n->name(others[i]) != NULL)
                fail_msg("%s: %d is '%s'", n->type, others[i], n->name(others[i]));
        assert_int_equal(dim__enum_value(n->name, "no such name"), -1);
        assert_int_equal(dim__enum_value(n->name, ""), -1);
    }
}

/* enums.def has none that the table above lacks. */
static void test_all(void **state)
{
    static const struct {
        const char *type;
        const dim__range *range;
    } listed[] = {
#define DIM__ENUM(type, stem) { #type, &dim__##stem##_range },
#define DIM__VALUE(value, text)
#define DIM__END(force)
#include "base/enums.def"
#undef DIM__ENUM
#undef DIM__VALUE
#undef DIM__END
    };
    (void)state;
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
        bool found = false;
        for (const names *n = all; n < all + ALL; n++)
            found = found || (strcmp(n->type, listed[i].type) == 0 && n->name == listed[i].range->name);
        if (!found)
            fail_msg("%s is not tested", listed[i].type);
        assert_string_equal(listed[i].range->type, listed[i].type);
    }
}

/* What old checkpoints and weights say. */
static void test_words(void **state)
{
    static const char *const kinds[] = { "adam", "adamw", "sgd", "rmsprop" };
    static const char *const schedules[] = { "constant", "step", "cosine" };
    static const char *const priors[] = { "kl", "uniform", "gaussian" };
    static const char *const critics[] = { "dot", "concat", "bilinear", "mlp", "plain-dot" };
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_string_equal(dim__rule_name(i), kinds[i]);
    for (int i = 0; i < 3; i++)
        assert_string_equal(dim__schedule_name(i), schedules[i]);
    for (int i = 0; i < 3; i++)
        assert_string_equal(dim_prior_name((dim_prior_kind)i), priors[i]);
    for (int i = 0; i < 5; i++)
        assert_string_equal(dim_critic_name((dim_critic)i), critics[i]);
    assert_string_equal(dim_shortcut_name(DIM_SHORTCUT_RANDOM), "random");
    assert_string_equal(dim_precision_name(DIM_PRECISION_BF16), "bf16");
    assert_null(dim_critic_name((dim_critic)5));
    assert_null(dim_prior_name((dim_prior_kind)3));
    assert_null(dim_shortcut_name((dim_shortcut)2));
    assert_null(dim_precision_name((dim_precision)2));
}

/* ---- options by tables ---- */

typedef struct sample {
    size_t size;
    dim_shortcut which;
    uint32_t count, on, reserved0;
    float weight, part, rates[2];
    uint64_t steps, room;
} sample;

static const dim__range counts = DIM__UP_TO(9);
static const dim__field fields[] = {
    DIM__QUIET(sample, which, U32, &dim__shortcut_range, 0),
    DIM__FIELD(sample, count, U32, &counts, 3),
    DIM__FIELD(sample, on, U32, &dim__switch, 0),
    DIM__QUIET(sample, reserved0, U32, &dim__reserved, 0),
    DIM__FIELD(sample, weight, F32, &dim__finite, 0.3),
    DIM__FIELD(sample, part, F32, &dim__fraction, 0),
    DIM__FIELDS(sample, rates, F32, 2, &dim__not_negative),
    DIM__FIELD(sample, steps, U64, NULL, 0),
    DIM__QUIET(sample, room, U64, NULL, 4e9),
};
static const dim__table table = DIM__TABLE(sample, fields);

static void test_ranges(void **state)
{
    dim_context *ctx;
    sample out;
    (void)state;
    assert_int_equal(dim_context_create(NULL, &ctx), DIM_OK);
#define REFUSED(member, value, says)                                                       \
    do {                                                                                   \
        sample in = { .size = sizeof in };                                                 \
        in.member = value;                                                                 \
        assert_int_equal(dim__options_read(ctx, &table, &in, &out), DIM_E_INVALID);        \
        assert_string_equal(dim_context_error(ctx), says);                                 \
    } while (0)
    REFUSED(which, (dim_shortcut)2, "sample.which is 2, which is not a dim_shortcut");
    REFUSED(which, (dim_shortcut)-1, "sample.which is -1, which is not a dim_shortcut");
    REFUSED(count, 10, "sample.count is 10; it must be 9 at most");
    REFUSED(on, 2, "sample.on is 2; it is a switch, 0 or 1");
    REFUSED(reserved0, UINT32_MAX, "sample.reserved0 is 4294967295; it must be 0");
    REFUSED(weight, INFINITY, "sample.weight is inf; it must be finite");
    REFUSED(weight, NAN, "sample.weight is nan; it must be finite");
    REFUSED(part, 1, "sample.part is 1; it must be in [0, 1)");
    REFUSED(part, -0.5f, "sample.part is -0.5; it must be in [0, 1)");
    REFUSED(rates[1], -1, "sample.rates[1] is -1; it must be finite and at least 0");
#undef REFUSED
    sample in = { .size = sizeof in, .count = 9, .on = 1, .weight = -FLT_MAX, .part = 1 - FLT_EPSILON / 2, .steps = 5, .room = 1 };
    assert_int_equal(dim__options_read(ctx, &table, &in, &out), DIM_OK);
    assert_memory_equal(&in, &out, sizeof in);
    assert_int_equal(dim__options_read(ctx, &table, NULL, &out), DIM_OK);
    assert_int_equal(out.count, 3);
    assert_true(out.room == 4000000000u);
    assert_true(out.weight == 0.3f);
    assert_int_equal(out.size, sizeof out);
    dim_context_destroy(ctx);
}

/* Texts have what is not 0 and not quiet, and what they say can be read back. */
static void test_texts(void **state)
{
    const sample in = { .which = DIM_SHORTCUT_RANDOM, .count = 7, .weight = 0.1f, .rates = { 0, 2 }, .steps = UINT64_MAX };
    sample out = { 0 };
    char text[200];
    (void)state;
    dim__fields_put(text, 0, sizeof text, &table, &in);
    assert_string_equal(text, ", count 7, weight 0.100000001, rates 0 2, steps 18446744073709551615");
    assert_true(dim__field_get("weight 0.100000001", &table, &out));
    assert_true(out.weight == 0.1f);
    assert_true(dim__field_get("rates 0 2", &table, &out));
    assert_true(out.rates[1] == 2);
    assert_false(dim__field_get("which 1", &table, &out));
    assert_false(dim__field_get("weights 1", &table, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),  cmocka_unit_test(test_all),   cmocka_unit_test(test_words),
        cmocka_unit_test(test_ranges), cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
