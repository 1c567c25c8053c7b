/* What must not change a value of <dim/information.h>, by every method: units, increasing functions, the order of columns, of
 * sides and of rows.  Prints a table; docs/information.md has it.  And what several measurements have to do with each other:
 * independent columns, fewer columns, blocks, pointwise values. */
#include "information/special.h"

#include "information_tests.h"

enum { ROWS = 1000, D = 2 };

/* ---- changes --------------------------------------------------------------------------------------------------------- */

typedef enum change { SMALL, LARGE, SHIFTED, SMALL_SHIFTED, LARGE_SHIFTED, CURVED, COLUMNS, SIDES, ORDER, CHANGES } change;

static const char *const names[CHANGES] = {
    "factor 1e-6", "factor 1e6", "offset 1e4", "factor 1e-6, offset 1e4", "factor 1e6, offset -1e4", "cube, exp", "columns exchanged",
    "sides exchanged", "rows in another order",
};

/* Of a column; what increases stays increasing. */
static double changed(change what, double v, int64_t column)
{
    switch (what) {
    case SMALL: return 1e-6 * v;
    case LARGE: return 1e6 * v;
    case SHIFTED: return v + 1e4;
    case SMALL_SHIFTED: return 1e-6 * v + 1e4;
    case LARGE_SHIFTED: return 1e6 * v - 1e4;
    case CURVED: return column % 2 == 0 ? v * v * v : exp(v);
    default: return v;
    }
}

static void change_side(const double *from, double *to, change what)
{
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t j = 0; j < D; j++) {
            int64_t row = what == ORDER ? (7 * i + 3) % ROWS : i, column = what == COLUMNS ? D - 1 - j : j;
            to[i * D + j] = changed(what, from[row * D + column], j);
        }
}

/* ---- the table ------------------------------------------------------------------------------------------------------- */

static dim_information_result by(dim_information_method method, const sides *s)
{
    return MEASURE(s, .method = method, .seed = 1, .order = DIM_INFORMATION_ORDER_IID);
}

static void test_table(void **state)
{
    static const dim_information_method methods[5] = { DIM_INFORMATION_KNN, DIM_INFORMATION_KNN2, DIM_INFORMATION_GAUSS,
                                                       DIM_INFORMATION_DISCRETE, DIM_INFORMATION_CRITIC };
    sides numbers = new_sides(ROWS, D, D, 0), symbols = new_sides(ROWS, D, D, 0), t = new_sides(ROWS, D, D, 0);
    dim_information_result plain[5];
    double most[5] = { 0 };
    (void)state;
    for (int64_t i = 0; i < ROWS * D; i++) {
        numbers.x[i] = normal();
        numbers.y[i] = numbers.x[i] * (i % D == 0 ? 1 : numbers.x[i - 1]) + normal();
        symbols.x[i] = floor(4 * uniform());
        symbols.y[i] = uniform() < 0.5 ? symbols.x[i] : floor(4 * uniform());
    }
    printf("| what is done |");
    for (int k = 0; k < 5; k++) {
        plain[k] = by(methods[k], methods[k] == DIM_INFORMATION_DISCRETE ? &symbols : &numbers);
        printf(" `%s` %.3f |", dim_information_method_name(methods[k]), plain[k].raw);
    }
    printf("\n|---|---|---|---|---|---|\n");
    for (change what = 0; what < CHANGES; what++) {
        printf("| %s |", names[what]);
        for (int k = 0; k < 5; k++) {
            const sides *from = methods[k] == DIM_INFORMATION_DISCRETE ? &symbols : &numbers;
            change_side(from->x, what == SIDES ? t.y : t.x, what);
            change_side(from->y, what == SIDES ? t.x : t.y, what);
            double away = fabs(by(methods[k], &t).raw - plain[k].raw);
            most[k] = fmax(most[k], away);
            printf(away == 0 ? " 0 |" : away < 0.001 ? " %.0e |" : " %.3f |", away);
        }
        printf("\n");
    }
    for (int k = 0; k < 4; k++)
        assert_true(most[k] < 1e-12);
    assert_true(most[4] < plain[4].high - plain[4].low); /* a critic's folds and weights follow its arguments */
    free_sides(&numbers);
    free_sides(&symbols);
    free_sides(&t);
}

/* ---- measurements that have to do with each other -------------------------------------------------------------------- */

static void within(const dim_information_result *a, const dim_information_result *b)
{
    if (a->value > b->high || a->value < b->low)
        fail_msg("%g is not in [%g, %g]", a->value, b->low, b->high);
}

/* A column that has nothing to do with anything adds nothing; a column less never adds. */
static void test_more_and_fewer(void **state)
{
    enum { N = 2000 };
    sides all = new_sides(N, 2, 2, 0), with = new_sides(N, 2, 3, 0), less = new_sides(N, 2, 1, 0), least = new_sides(N, 1, 1, 0);
    (void)state;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < 2; j++) {
            all.x[2 * i + j] = with.x[2 * i + j] = less.x[2 * i + j] = normal();
            all.y[2 * i + j] = with.y[3 * i + j] = all.x[2 * i + j] + 0.7 * all.x[2 * i] + normal();
        }
        with.y[3 * i + 2] = normal();
        less.y[i] = all.y[2 * i + 1];
        least.y[i] = all.y[2 * i + 1];
        least.x[i] = all.x[2 * i + 1];
    }
    dim_information_result r = MEASURE(&all, .seed = 1), w = MEASURE(&with, .seed = 1), l = MEASURE(&less, .seed = 1);
    dim_information_result last = MEASURE(&least, .seed = 1);
    within(&w, &r);
    within(&r, &w);
    assert_true(l.low <= r.high && l.value < r.value + 0.05);
    assert_true(last.low <= l.high && last.value < l.value + 0.05);
    free_sides(&all);
    free_sides(&with);
    free_sides(&less);
    free_sides(&least);
}

/* What GAUSS takes from the value for its bias, without a condition. */
static double bias(double rows, int x, int y)
{
    double sum = 0;
    for (int i = 1; i <= x + y; i++)
        sum += ((i <= x) + (i <= y) - 1) * dim__digamma((rows - i) / 2) / 2;
    return sum;
}

/* All rows of one block with all of another: uncorrelated to the last bit, so the values add up, but for their bias. */
static void test_blocks(void **state)
{
    enum { SIDE = 40 };
    sides block[2], all = new_sides(SIDE * SIDE, 2, 2, 0);
    double sum = 0;
    (void)state;
    for (int b = 0; b < 2; b++) {
        block[b] = new_sides(SIDE, 1, 1, 0);
        for (int i = 0; i < SIDE; i++) {
            block[b].x[i] = normal();
            block[b].y[i] = block[b].x[i] + (1 + b) * normal();
        }
        dim_information_result r = by(DIM_INFORMATION_GAUSS, &block[b]);
        sum += r.raw + bias(SIDE, 1, 1);
    }
    for (int i = 0; i < SIDE * SIDE; i++)
        for (int b = 0; b < 2; b++) {
            int row = b == 0 ? i / SIDE : i % SIDE;
            all.x[2 * i + b] = block[b].x[row];
            all.y[2 * i + b] = block[b].y[row];
        }
    dim_information_result r = by(DIM_INFORMATION_GAUSS, &all);
    assert_int_equal(r.rows, SIDE * SIDE);
    near(r.raw + bias(SIDE * SIDE, 2, 2), sum, 1e-12);
    free_sides(&all);
    free_sides(&block[0]);
    free_sides(&block[1]);
}

static void test_pointwise(void **state)
{
    sides s = new_sides(ROWS, D, D, 0);
    dim_tensor *out;
    (void)state;
    ok(dim_tensor_create(ctx, DIM_F64, 1, (int64_t[]){ ROWS }, &out));
    for (int rounded = 0; rounded < 2; rounded++) {
        for (int64_t i = 0; i < ROWS * D; i++) {
            s.x[i] = rounded == 1 ? rint(normal()) : normal();
            s.y[i] = s.x[i] + (rounded == 1 ? rint(normal()) : normal());
        }
        for (dim_information_method method = DIM_INFORMATION_AUTO; method <= DIM_INFORMATION_KNN2; method++) {
            dim_information *info;
            dim_information_options o;
            double mean = 0;
            if ((method == DIM_INFORMATION_DISCRETE && rounded == 0) || (method == DIM_INFORMATION_KNN2 && rounded == 1))
                continue;
            DIM_OPTIONS_INIT(&o);
            o.method = method;
            ok(try_measure(&s, &o, NULL, NULL, &info));
            ok(dim_information_pointwise(info, out));
            const double *p = dim_tensor_const_data(out);
            for (int i = 0; i < ROWS; i++)
                mean += p[i] / ROWS;
            near(mean, result_of(info).raw, 1e-12);
            dim_information_destroy(info);
        }
    }
    dim_tensor_destroy(out);
    free_sides(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table), cmocka_unit_test(test_more_and_fewer), cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_pointwise),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
