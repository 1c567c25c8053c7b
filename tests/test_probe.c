/* Probes: against PyTorch (fixtures/make_probe.py), against brute force, and their errors. */
#include "probe_tests.h"

/* against PyTorch */

/* With PyTorch's predictions as labels of test, agreement on each of them is an accuracy of 1. */
static void test_against_pytorch(void **state)
{
    dim_tensor *train = load("probe_train.npy"), *test = load("probe_test.npy"), *all = load("probe_labels.npy");
    dim_tensor *predictions = load("probe_predictions.npy"), *labels, *truth;
    int64_t n = dim_tensor_size(train, 0), m = dim_tensor_size(test, 0);
    double lambda, share;
    (void)state;
    FILE *f = fopen(DIM_TEST_DATA "/probe.txt", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lf %lf", &lambda, &share), 2);
    fclose(f);
    assert_int_equal(dim_tensor_slice(all, 0, 0, n, 1, &labels), DIM_OK);
    assert_int_equal(dim_tensor_slice(all, 0, n, m, 1, &truth), DIM_OK);
    static const struct {
        dim_probe_kind kind;
        uint32_t k;
        float lambda;
    } cases[] = {{DIM_PROBE_KNN_COSINE, 0, 0}, {DIM_PROBE_KNN_EUCLIDEAN, 5, 0}, {DIM_PROBE_RIDGE, 0, 0},
                 {DIM_PROBE_RIDGE, 0, 0.3f}};
    for (int i = 0; i < 4; i++) {
        dim_tensor *row, *theirs;
        dim_probe_options o;
        dim_probe_result r;
        DIM_OPTIONS_INIT(&o);
        DIM_OPTIONS_INIT(&r);
        o.kind = cases[i].kind;
        o.k = cases[i].k;
        o.lambda = cases[i].lambda;
        assert_int_equal(dim_tensor_slice(predictions, 0, i, 1, 1, &row), DIM_OK);
        assert_int_equal(dim_tensor_reshape(row, 1, &m, &theirs), DIM_OK);
        assert_int_equal(dim_probe_run(ctx, &o, train, labels, test, theirs, &r), DIM_OK);
        if (r.accuracy != 1)
            fail_msg("classifier %d agrees with PyTorch on %.3f of the samples", i, r.accuracy);
        if (i == 2) {
            assert_true(r.chosen == lambda);
            assert_true(fabs(r.validation_accuracy - share) < 1e-6);
            assert_true(r.train_accuracy > 0.5 && r.train_accuracy <= 1);
        } else {
            assert_true(r.validation_accuracy == 0);
            assert_true(fabs(r.chosen - (double)cases[i].lambda) < 1e-12);
        }
        assert_int_equal(dim_probe_run(ctx, &o, train, labels, test, truth, &r), DIM_OK);
        assert_true(r.accuracy > 0.25 && r.accuracy < 0.9);
        dim_tensor_destroy(theirs);
        dim_tensor_destroy(row);
    }
    dim_tensor *used[] = {train, test, all, predictions, labels, truth};
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++)
        dim_tensor_destroy(used[i]);
}

static void test_knn_votes(void **state)
{
    /* on a line: the query at 0 has classes 2, 1, 1, 2 around it, then 0 */
    float keys[5][1] = {{1}, {2}, {3}, {4}, {5}}, query[1][1] = {{0}};
    int32_t labels[5] = {2, 1, 1, 2, 0}, truth[1] = {1};
    dim_tensor *a = wrap(DIM_F32, keys, 5, 1), *b = wrap(DIM_F32, query, 1, 1);
    dim_tensor *la = wrap(DIM_I32, labels, 5, 0), *lb = wrap(DIM_I32, truth, 1, 0);
    dim_probe_options o;
    dim_probe_result r;
    static const int32_t winner[] = {2, 1, 1, 1, 1}; /* for k = 1 .. 5; ties go to the smaller class */
    (void)state;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&r);
    o.kind = DIM_PROBE_KNN_EUCLIDEAN;
    for (o.k = 1; o.k <= 5; o.k++) {
        for (truth[0] = 0; truth[0] < 5; truth[0]++) { /* classes 3 and 4 are unknown to train: never right */
            assert_int_equal(dim_probe_run(ctx, &o, a, la, b, lb, &r), DIM_OK);
            assert_true(r.accuracy == (truth[0] == winner[o.k - 1] ? 1 : 0));
        }
    }
    truth[0] = 0;
    assert_int_equal(dim_probe_run(ctx, &o, a, la, b, lb, &r), DIM_E_INVALID);
    assert_non_null(strstr(dim_context_error(ctx), "k is 6"));
    dim_tensor *all[] = {a, b, la, lb};
    for (size_t i = 0; i < 4; i++)
        dim_tensor_destroy(all[i]);
}

/* linear classifiers */

enum { TRAIN = 400, TEST = 100, WIDE = 12, CLASSES = 3 };

typedef struct sample_set {
    float train[TRAIN][WIDE], test[TEST][WIDE];
    int64_t labels[TRAIN], truth[TEST];
    dim_tensor *a, *b, *la, *lb;
} sample_set;

static void make_set(sample_set *s, float noise)
{
    random_state = 77;
    for (int i = 0; i < TRAIN + TEST; i++) {
        float *x = i < TRAIN ? s->train[i] : s->test[i - TRAIN];
        int64_t c = (i * 7 + i / 5) % CLASSES;
        *(i < TRAIN ? &s->labels[i] : &s->truth[i - TRAIN]) = c;
        for (int j = 0; j < WIDE; j++)
            x[j] = 10 + noise * gauss() + (j % CLASSES == c ? 1 : 0);
    }
    s->a = wrap(DIM_F32, s->train, TRAIN, WIDE);
    s->b = wrap(DIM_F32, s->test, TEST, WIDE);
    s->la = wrap(DIM_I64, s->labels, TRAIN, 0);
    s->lb = wrap(DIM_I64, s->truth, TEST, 0);
}

static void drop_set(sample_set *s)
{
    dim_tensor_destroy(s->a);
    dim_tensor_destroy(s->b);
    dim_tensor_destroy(s->la);
    dim_tensor_destroy(s->lb);
}

static dim_probe_result run(const sample_set *s, const dim_probe_options *o)
{
    dim_probe_result r;
    DIM_OPTIONS_INIT(&r);
    assert_int_equal(dim_probe_run(ctx, o, s->a, s->la, s->b, s->lb, &r), DIM_OK);
    return r;
}

static void test_linear(void **state)
{
    static sample_set s;
    dim_probe_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_PROBE_LINEAR;
    o.batch = 32;
    o.lr = 0.01f;
    make_set(&s, 0.2f);
    dim_probe_result r = run(&s, &o);
    assert_true(r.accuracy == 1 && r.train_accuracy == 1 && r.validation_accuracy == 1);
    assert_true(r.chosen >= 1 && r.chosen <= 20);
    drop_set(&s);

    make_set(&s, 1.2f); /* not separable: epochs differ */
    r = run(&s, &o);
    assert_true(r.accuracy > 0.5 && r.accuracy < 1);
    dim_probe_result again = run(&s, &o);
    assert_memory_equal(&r, &again, sizeof r);
    o.epochs = 1;
    again = run(&s, &o);
    assert_true(again.chosen == 1 && again.validation_accuracy <= r.validation_accuracy);
    drop_set(&s);
}

static float wave(int64_t i, int j) { return (float)sin((double)(37 * i + 1) * (j + 1) * 0.7301); }

/* Samples may come in any order: sorted by class, or class by class in turn, as often as samples are held out. */
static void test_order_of_classes(void **state)
{
    enum { N = 400, C = 10 };
    static float x[N][WIDE], y[TEST][WIDE];
    static int64_t lx[N], ly[TEST];
    static const dim_probe_kind kinds[] = {DIM_PROBE_RIDGE, DIM_PROBE_LINEAR, DIM_PROBE_SVM, DIM_PROBE_MLP};
    (void)state;
    for (int order = 0; order < 3; order++)
        for (int k = 0; k < 4; k++) {
            for (int i = 0; i < N + TEST; i++) {
                float *to = i < N ? x[i] : y[i - N];
                int64_t c = i >= N ? i % C : order == 0 ? i / (N / C) : order == 1 ? i % C : C - 1 - i % C;
                *(i < N ? &lx[i] : &ly[i - N]) = c;
                for (int j = 0; j < WIDE; j++)
                    to[j] = 0.2f * wave(i, j) + (j == c ? 1 : 0);
            }
            sample_set s = {.a = wrap(DIM_F32, x, N, WIDE), .b = wrap(DIM_F32, y, TEST, WIDE),
                            .la = wrap(DIM_I64, lx, N, 0), .lb = wrap(DIM_I64, ly, TEST, 0)};
            dim_probe_options o;
            DIM_OPTIONS_INIT(&o);
            o.kind = kinds[k];
            o.batch = 32;
            o.lr = 0.01f;
            o.validation = 0.1f; /* which asks an SVM to choose, too */
            dim_probe_result r = run(&s, &o);
            if (r.accuracy < 0.95 || r.validation_accuracy < 0.95)
                fail_msg("order %d, kind %d: %.3f on test, %.3f on validation with %g", order, (int)kinds[k],
                         r.accuracy, r.validation_accuracy, r.chosen);
            drop_set(&s);
        }
}

/* Every sample is either fitted or held out, both in train's order; one is held out of each stretch. */
static void test_split(void **state)
{
    static const struct {
        int64_t n;
        float validation;
        int64_t held;
    } cases[] = {{2, 0, 1}, {10, 0, 1}, {400, 0, 40}, {407, 0, 41}, {407, 0.25f, 102}, {1000, 0.9f, 900}, {9, 0.5f, 5}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t n = cases[i].n, held = cases[i].held, fitted;
        int32_t *rows;
        dim_probe_options o;
        DIM_OPTIONS_INIT(&o);
        o.validation = cases[i].validation;
        assert_int_equal(dim__probe_split(ctx, &o, n, 0, &fitted, &rows), DIM_OK);
        assert_int_equal(fitted, n - held);
        char *seen = calloc((size_t)n, 1);
        assert_non_null(seen);
        for (int64_t j = 0; j < n; j++) {
            assert_true(rows[j] >= 0 && rows[j] < n && !seen[rows[j]]);
            seen[rows[j]] = 1;
            assert_true(j == 0 || j == fitted || rows[j] > rows[j - 1]);
        }
        for (int64_t j = 0; j < held; j++)
            assert_true(rows[fitted + j] >= j * n / held && rows[fitted + j] < (j + 1) * n / held);
        free(seen);
        dim__free(ctx, rows);
    }
}

/* Whatever the labels of test say, what is chosen, and all but the accuracy, stays. */
static void test_nothing_is_chosen_on_test(void **state)
{
    static sample_set s;
    static const dim_probe_kind kinds[] = {DIM_PROBE_RIDGE, DIM_PROBE_LINEAR, DIM_PROBE_SVM, DIM_PROBE_MLP};
    (void)state;
    make_set(&s, 1.0f);
    for (int i = 0; i < 4; i++) {
        dim_probe_options o;
        DIM_OPTIONS_INIT(&o);
        o.kind = kinds[i];
        o.batch = 16;
        o.validation = 0.2f; /* which asks an SVM to choose, too */
        dim_probe_result r = run(&s, &o);
        for (int k = 0; k < TEST; k++)
            s.truth[k] = (s.truth[k] + 1) % CLASSES;
        dim_probe_result other = run(&s, &o);
        assert_true(other.accuracy < r.accuracy);
        assert_true(other.chosen == r.chosen && other.train_accuracy == r.train_accuracy &&
                    other.validation_accuracy == r.validation_accuracy);
        for (int k = 0; k < TEST; k++)
            s.truth[k] = (s.truth[k] + CLASSES - 1) % CLASSES;
    }
    drop_set(&s);
}

static void test_strided_and_maps(void **state)
{
    static sample_set s;
    static const dim_probe_kind kinds[] = {DIM_PROBE_KNN_COSINE, DIM_PROBE_KNN_EUCLIDEAN, DIM_PROBE_RIDGE,
                                           DIM_PROBE_LINEAR,     DIM_PROBE_SVM,           DIM_PROBE_MLP};
    const int64_t map[4] = {TRAIN, 3, 2, 2}, turned_shape[2] = {WIDE, TRAIN}, small[4] = {TEST, 3, 2, 2};
    dim_tensor *a4, *b4, *turned, *back, *copy;
    int32_t narrow[TRAIN];
    (void)state;
    make_set(&s, 1.0f);
    assert_int_equal(dim_tensor_reshape(s.a, 4, map, &a4), DIM_OK);
    assert_int_equal(dim_tensor_reshape(s.b, 4, small, &b4), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, 2, turned_shape, &turned), DIM_OK);
    assert_int_equal(dim_tensor_permute(turned, (const int[]){1, 0}, &back), DIM_OK);
    assert_int_equal(dim_tensor_copy(back, s.a), DIM_OK);
    for (int i = 0; i < TRAIN; i++)
        narrow[i] = (int32_t)s.labels[i];
    copy = wrap(DIM_I32, narrow, TRAIN, 0);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        dim_probe_options o;
        dim_probe_result one = {.size = sizeof one}, two = {.size = sizeof two};
        DIM_OPTIONS_INIT(&o);
        o.kind = kinds[i];
        dim_probe_result r = run(&s, &o);
        assert_int_equal(dim_probe_run(ctx, &o, a4, copy, b4, s.lb, &one), DIM_OK);
        assert_int_equal(dim_probe_run(ctx, &o, back, copy, s.b, s.lb, &two), DIM_OK);
        assert_memory_equal(&r, &one, sizeof r);
        assert_memory_equal(&r, &two, sizeof r);
    }
    dim_tensor *all[] = {a4, b4, turned, back, copy};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim_tensor_destroy(all[i]);
    drop_set(&s);
}

static void test_cholesky(void **state)
{
    enum { LD = 210 };
    static const int64_t sizes[] = {1, 2, 63, 64, 65, 130, 200};
    static double a[LD * LD], original[LD * LD], root[LD * LD], x[LD * 3], rhs[LD * 3], work[DIM__CHOLESKY_WORK];
    (void)state;
    random_state = 5;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        int64_t n = sizes[s];
        for (int64_t i = 0; i < n * n; i++)
            root[i] = (double)gauss();
        for (int64_t i = 0; i < LD * LD; i++)
            original[i] = 1e300; /* above the diagonal and beside the matrix: not to be used */
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= i; j++) {
                double sum = i == j ? 0.1 : 0;
                for (int64_t k = 0; k < n; k++)
                    sum += root[i * n + k] * root[j * n + k];
                original[i * LD + j] = sum;
            }
        memcpy(a, original, sizeof a);
        assert_true(dim__cholesky(ctx, a, n, LD, work));
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < LD; j++) {
                if (j > i) {
                    assert_true(a[i * LD + j] == 1e300);
                    continue;
                }
                double sum = 0;
                for (int64_t k = 0; k <= j; k++)
                    sum += a[i * LD + k] * a[j * LD + k];
                /* backward error: n roundings of the diagonal's size */
                assert_true(fabs(sum - original[i * LD + j]) <= 1e-14 * (double)n * (double)n);
            }
        for (int64_t i = 0; i < n * 3; i++)
            rhs[i] = x[i] = (double)gauss();
        dim__cholesky_solve(ctx, a, n, LD, x, 3);
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < 3; c++) {
                double sum = 0, scale = 1;
                for (int64_t j = 0; j < n; j++) {
                    double e = original[i >= j ? i * LD + j : j * LD + i];
                    sum += e * x[j * 3 + c];
                    scale += fabs(e * x[j * 3 + c]);
                }
                assert_true(fabs(sum - rhs[i * 3 + c]) <= 1e-14 * (double)n * scale);
            }
        memcpy(a, original, sizeof a);
        a[(n - 1) * LD + n - 1] = -1;
        assert_false(dim__cholesky(ctx, a, n, LD, work));
    }
}

/* features */

static void test_features(void **state)
{
    enum { COUNT = 300, IN = 6 };
    static float x[COUNT * IN];
    dim_encoder_options eo;
    dim_encoder *enc;
    dim_dataset *ds;
    dim_tensor *images = wrap(DIM_F32, x, COUNT, IN), *whole, *part = NULL;
    (void)state;
    random_state = 9;
    for (int i = 0; i < COUNT * IN; i++)
        x[i] = gauss();
    DIM_OPTIONS_INIT(&eo);
    eo.kind = DIM_ENCODER_MLP;
    eo.channels = IN;
    eo.units = 5;
    eo.hidden[0] = 16;
    assert_int_equal(dim_encoder_create(ctx, &eo, &enc), DIM_OK);
    assert_int_equal(dim_dataset_from_tensors(ctx, images, NULL, &ds), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, 2, (const int64_t[]){COUNT, 16}, &whole), DIM_OK);
    assert_int_equal(dim_encoder_encode(enc, images, "fc", whole), DIM_OK);
    assert_int_equal(dim_probe_features(enc, "fc", ds, 10, 290, &part), DIM_OK);
    assert_int_equal(dim_tensor_rank(part), 2);
    assert_int_equal(dim_tensor_size(part, 0), 290);
    assert_int_equal(dim_tensor_size(part, 1), 16);
    const float *got = dim_tensor_const_data(part), *want = (const float *)dim_tensor_const_data(whole) + 10 * 16;
    for (int i = 0; i < 290 * 16; i++) /* batches of other sizes may be summed in another order */
        assert_true(fabsf(got[i] - want[i]) <= 1e-6f * (fabsf(want[i]) + 1));
    dim_tensor_destroy(part);
    assert_int_equal(dim_probe_features(enc, NULL, ds, 0, 1, &part), DIM_OK);
    assert_int_equal(dim_tensor_size(part, 1), 5);
    dim_tensor_destroy(part);
    part = NULL;
    assert_int_equal(dim_probe_features(enc, "nowhere", ds, 0, 1, &part), DIM_E_INVALID);
    assert_int_equal(dim_probe_features(enc, NULL, ds, -1, 1, &part), DIM_E_INVALID);
    assert_int_equal(dim_probe_features(enc, NULL, ds, 0, 0, &part), DIM_E_INVALID);
    assert_int_equal(dim_probe_features(enc, NULL, ds, 0, 301, &part), DIM_E_INVALID);
    assert_int_equal(dim_probe_features(enc, NULL, ds, INT64_MAX, INT64_MAX, &part), DIM_E_INVALID);
    assert_int_equal(dim_probe_features(NULL, NULL, ds, 0, 1, &part), DIM_E_INVALID);
    assert_int_equal(dim_probe_features(enc, NULL, NULL, 0, 1, &part), DIM_E_INVALID);
    assert_int_equal(dim_probe_features(enc, NULL, ds, 0, 1, NULL), DIM_E_INVALID);
    assert_null(part);
    dim_tensor_destroy(whole);
    dim_tensor_destroy(images);
    dim_dataset_destroy(ds);
    dim_encoder_destroy(enc);
}

/* errors */

static void test_bad_input(void **state)
{
    static sample_set s;
    dim_probe_options o;
    dim_probe_result r, before;
    (void)state;
    make_set(&s, 1.0f);
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&r);
    r.accuracy = -7;
    before = r;
#define RUN(a, la, b, lb) dim_probe_run(ctx, &o, a, la, b, lb, &r)
    assert_int_equal(dim_probe_run(NULL, &o, s.a, s.la, s.b, s.lb, &r), DIM_E_INVALID);
    expect(DIM_E_INVALID, "train is NULL", RUN(NULL, s.la, s.b, s.lb));
    expect(DIM_E_INVALID, "train_labels is NULL", RUN(s.a, NULL, s.b, s.lb));
    expect(DIM_E_INVALID, "test is NULL", RUN(s.a, s.la, NULL, s.lb));
    expect(DIM_E_INVALID, "test_labels is NULL", RUN(s.a, s.la, s.b, NULL));
    expect(DIM_E_INVALID, "result is NULL", dim_probe_run(ctx, &o, s.a, s.la, s.b, s.lb, NULL));
    expect(DIM_E_INVALID, "dtype i64", RUN(s.la, s.la, s.b, s.lb));
    expect(DIM_E_INVALID, "dtype f32", RUN(s.a, s.a, s.b, s.lb));
    expect(DIM_E_SHAPE, "train_labels", RUN(s.a, s.lb, s.b, s.lb));
    expect(DIM_E_SHAPE, "test_labels", RUN(s.a, s.la, s.b, s.la));
    dim_tensor *narrow = wrap(DIM_F32, s.test, TEST, WIDE - 1), *flat = wrap(DIM_F32, s.test, TEST, 0);
    dim_tensor *empty = wrap(DIM_F32, s.test, 0, WIDE);
    expect(DIM_E_SHAPE, "12 features, but test has 11", RUN(s.a, s.la, narrow, s.lb));
    expect(DIM_E_SHAPE, "(100)", RUN(s.a, s.la, flat, s.lb));
    expect(DIM_E_SHAPE, "empty", RUN(empty, s.la, s.b, s.lb));
    s.labels[17] = -1;
    expect(DIM_E_INVALID, "label -1 of sample 17", RUN(s.a, s.la, s.b, s.lb));
    s.labels[17] = (int64_t)1 << 40;
    expect(DIM_E_INVALID, "sample 17", RUN(s.a, s.la, s.b, s.lb));
    s.labels[17] = 0;
    s.truth[3] = -5;
    expect(DIM_E_INVALID, "test_labels: label -5 of sample 3", RUN(s.a, s.la, s.b, s.lb));
    s.truth[3] = 0;
    s.test[42][1] = NAN;
    expect(DIM_E_NUMERIC, "test has a value that is not finite in row 42", RUN(s.a, s.la, s.b, s.lb));
    s.test[42][1] = 1;
    s.train[7][0] = INFINITY;
    expect(DIM_E_NUMERIC, "row 7", RUN(s.a, s.la, s.b, s.lb));
    s.train[7][0] = 1;
    static const struct {
        dim_probe_options o;
        const char *says;
    } options[] = {
        {{.kind = (dim_probe_kind)6}, "kind"},    {{.kind = (dim_probe_kind)-1}, "kind"},
        {{.validation = 1}, "validation"},        {{.validation = -0.1f}, "validation"},
        {{.validation = NAN}, "validation"},      {{.lambda = -1}, "lambda"},
        {{.lambda = INFINITY}, "lambda"},         {{.lr = -1}, "lr"},
        {{.reserved0 = 1}, "reserved0"},          {{.k = 401}, "k is 401"},
        {{.runs = 1001}, "runs"},                 {{.hidden = (1 << 24) + 1}, "hidden"},
        {{.dropout = 1}, "dropout"},              {{.dropout = NAN}, "dropout"},
        {{.reserved1 = 1}, "reserved1"},
        {{.kind = DIM_PROBE_RIDGE, .validation = 0.999f}, "too few"},
        {{.kind = DIM_PROBE_LINEAR, .batch = 8, .validation = 1e-9f}, "too few"},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        o = options[i].o;
        o.size = sizeof o;
        expect(DIM_E_INVALID, options[i].says, RUN(s.a, s.la, s.b, s.lb));
    }
    assert_memory_equal(&r, &before, sizeof r);
    r.size = 4;
    DIM_OPTIONS_INIT(&o);
    expect(DIM_E_INVALID, "dim_probe_result", RUN(s.a, s.la, s.b, s.lb));
    r.size = offsetof(dim_probe_result, train_accuracy); /* a caller that knows the first field only */
    r.train_accuracy = -7;
    assert_int_equal(RUN(s.a, s.la, s.b, s.lb), DIM_OK);
    assert_true(r.size == offsetof(dim_probe_result, train_accuracy) && r.accuracy >= 0 && r.train_accuracy == -7);

    dim_tensor *all[] = {narrow, flat, empty};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim_tensor_destroy(all[i]);
    drop_set(&s);
}

static void test_no_memory(void **state)
{
    static sample_set s;
    static const struct {
        dim_probe_kind kind;
        float lr;
        int64_t n;
        float validation;
        uint32_t runs;
    } cases[] = {{DIM_PROBE_KNN_COSINE, 0, TRAIN, 0, 0},    {DIM_PROBE_KNN_EUCLIDEAN, 0, TRAIN, 0, 0},
                 {DIM_PROBE_RIDGE, 0, TRAIN, 0, 0},         {DIM_PROBE_RIDGE, 0, WIDE - 1, 0, 0},
                 {DIM_PROBE_LINEAR, 0, TRAIN, 0, 0},        {DIM_PROBE_LINEAR, 0.01f, TRAIN, 0, 0},
                 {DIM_PROBE_SVM, 0, TRAIN, 0, 0},           {DIM_PROBE_SVM, 0, TRAIN, 0.1f, 2},
                 {DIM_PROBE_MLP, 0, TRAIN, 0, 2}};
    enum { CASES = sizeof cases / sizeof cases[0] };
    int64_t found[TEST * 3];
    float far[TEST * 3];
    (void)state;
    make_set(&s, 1.0f);
    dim_tensor *out = wrap(DIM_I64, found, TEST, 3), *distances = wrap(DIM_F32, far, TEST, 3);
    for (int i = 0; i <= CASES; i++) {
        int64_t rows = i < CASES ? cases[i].n : TRAIN;
        dim_tensor *train = wrap(DIM_F32, s.train, rows, WIDE), *labels = wrap(DIM_I64, s.labels, rows, 0);
        dim_status status = DIM_E_NOMEM;
        long live = memory.live;
        for (long n = 1; status != DIM_OK; n++) {
            dim_probe_options o;
            dim_probe_result r;
            DIM_OPTIONS_INIT(&o);
            DIM_OPTIONS_INIT(&r);
            o.kind = i < CASES ? cases[i].kind : DIM_PROBE_KNN_COSINE;
            if (i < CASES) {
                o.lr = cases[i].lr;
                o.validation = cases[i].validation;
                o.runs = cases[i].runs;
            }
            o.epochs = 1;
            memory.calls = 0;
            memory.fail_at = n;
            status = i < CASES ? dim_probe_run(ctx, &o, train, labels, s.b, s.lb, &r)
                               : dim_probe_nearest(ctx, o.kind, s.b, train, out, distances);
            memory.fail_at = 0;
            assert_true(status == DIM_OK || status == DIM_E_NOMEM);
            assert_int_equal(memory.live, live);
            assert_true(status == DIM_OK || r.accuracy == 0);
        }
        dim_tensor_destroy(train);
        dim_tensor_destroy(labels);
    }
    dim_tensor_destroy(out);
    dim_tensor_destroy(distances);
    drop_set(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_pytorch), cmocka_unit_test(test_knn_votes),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_order_of_classes), cmocka_unit_test(test_split),
        cmocka_unit_test(test_nothing_is_chosen_on_test), cmocka_unit_test(test_strided_and_maps),
        cmocka_unit_test(test_cholesky),        cmocka_unit_test(test_features),
        cmocka_unit_test(test_bad_input),       cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
