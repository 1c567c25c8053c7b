/* Training of critics against plain loops in double: InfoNCE in both directions, its derivatives, AdamW with clipped gradients and
 * decoupled decay, and the moving average of the weights. */
#include "base/rng.h"
#include "information/critic.h"

#include "information_tests.h"

enum { D = 2, TRAIN = 32, ROWS = 2 * TRAIN, BATCH = TRAIN / 2, STEPS = 10, HIDDEN = DIM__MI_HIDDEN, OUT = DIM__MI_OUT,
       COUNT = HIDDEN * (D + 1) + HIDDEN * (HIDDEN + 1) + OUT * (HIDDEN + 1) };
static const uint64_t SEED = 11;
static const int width[4] = { D, HIDDEN, HIDDEN, OUT };

typedef struct net { /* one side */
    double w[COUNT], average[COUNT], m[COUNT], v[COUNT], g[COUNT];
    double y[4][BATCH][HIDDEN], by[4][BATCH][HIDDEN]; /* inputs and what the layers make of them; derivatives */
} net;

static int start_of(int layer)
{
    int at = 0;
    for (int l = 0; l < layer; l++)
        at += width[l + 1] * (width[l] + 1);
    return at;
}

/* As PyTorch's linear layers, the last one small. */
static void draw_net(net *n, int side)
{
    static float u[COUNT];
    memset(n, 0, sizeof *n);
    dim__rng_uniform(u, COUNT, SEED, dim__mix(DIM__MI_STREAM_WEIGHTS, (uint64_t)side), 0);
    for (int l = 0; l < 3; l++)
        for (int k = 0; k < width[l + 1] * (width[l] + 1); k++) {
            double most = 1 / sqrt(width[l]), draw = (2 * (double)u[start_of(l) + k] - 1) * most;
            n->w[start_of(l) + k] = l < 2 ? draw : k < OUT * HIDDEN ? 0.1 * draw : 0;
        }
    memcpy(n->average, n->w, sizeof n->w);
}

static void run_net(net *n)
{
    for (int l = 0; l < 3; l++)
        for (int i = 0; i < BATCH; i++)
            for (int o = 0; o < width[l + 1]; o++) {
                const double *w = n->w + start_of(l), *row = w + o * width[l];
                double sum = w[width[l + 1] * width[l] + o];
                for (int k = 0; k < width[l]; k++)
                    sum += row[k] * n->y[l][i][k];
                n->y[l + 1][i][o] = l < 2 ? fmax(sum, 0) : sum;
            }
}

static void back_net(net *n)
{
    memset(n->g, 0, sizeof n->g);
    for (int l = 2; l >= 0; l--) {
        const double *w = n->w + start_of(l);
        double *g = n->g + start_of(l);
        for (int i = 0; i < BATCH; i++) {
            memset(n->by[l][i], 0, sizeof n->by[l][i]);
            for (int o = 0; o < width[l + 1]; o++) {
                double by = n->by[l + 1][i][o];
                g[width[l + 1] * width[l] + o] += by;
                for (int k = 0; k < width[l]; k++) {
                    g[o * width[l] + k] += by * n->y[l][i][k];
                    n->by[l][i][k] += n->y[l][i][k] > 0 ? by * w[o * width[l] + k] : 0;
                }
            }
        }
    }
}

/* Extended features without the base's: [f, a, 1] and [1, g, b]. */
static double feature(const net *n, int side, int i, int k)
{
    return side == 0 ? (k < OUT ? n->y[3][i][k] : 1) : (k > 0 ? n->y[3][i][k - 1] : 1);
}

static void loss_back(net side[2], double base[BATCH][BATCH])
{
    double t[BATCH][BATCH], row[BATCH] = { 0 }, column[BATCH] = { 0 };
    for (int i = 0; i < BATCH; i++)
        for (int j = 0; j < BATCH; j++) {
            t[i][j] = base[i][j];
            for (int k = 0; k <= OUT; k++)
                t[i][j] += feature(&side[0], 0, i, k) * feature(&side[1], 1, j, k);
            row[i] += exp(t[i][j]);
            column[j] += exp(t[i][j]);
        }
    for (int s = 0; s < 2; s++)
        memset(side[s].by[3], 0, sizeof side[s].by[3]);
    for (int i = 0; i < BATCH; i++)
        for (int j = 0; j < BATCH; j++) {
            double by = ((exp(t[i][j]) / row[i] + exp(t[i][j]) / column[j]) / 2 - (i == j)) / BATCH;
            for (int k = 0; k < OUT; k++) {
                side[0].by[3][i][k] += by * feature(&side[1], 1, j, k);
                side[1].by[3][j][k] += by * feature(&side[0], 0, i, k + 1);
            }
        }
}

static double update(net side[2], int step)
{
    double norm = 0, share = fmin(0.99, (1.0 + step) / (10.0 + step));
    for (int s = 0; s < 2; s++)
        for (int k = 0; k < COUNT; k++)
            norm += side[s].g[k] * side[s].g[k];
    norm = sqrt(norm);
    for (int s = 0; s < 2; s++)
        for (int k = 0; k < COUNT; k++) {
            net *n = &side[s];
            double g = n->g[k] * fmin(1, 5 / norm);
            n->m[k] = 0.9 * n->m[k] + 0.1 * g;
            n->v[k] = 0.999 * n->v[k] + 0.001 * g * g;
            n->w[k] -= 1e-3 * 1e-4 * n->w[k];
            n->w[k] -= 1e-3 * n->m[k] / (1 - pow(0.9, step + 1)) / (sqrt(n->v[k] / (1 - pow(0.999, step + 1))) + 1e-8);
            n->average[k] = share * n->average[k] + (1 - share) * n->w[k];
        }
    return norm;
}

static void train(net side[2], const dim__mi_inputs *in, const dim__mi_base *b)
{
    static float features[2][TRAIN][D + 2];
    static int32_t all[TRAIN];
    int32_t order[TRAIN];
    double base[BATCH][BATCH], least = (double)INFINITY, most = 0;
    int wide = (int)dim__mi_base_width(b);
    for (int i = 0; i < TRAIN; i++)
        all[i] = i;
    for (int s = 0; s < 2; s++) {
        draw_net(&side[s], s);
        dim__mi_base_features(b, in, s, all, TRAIN, &features[s][0][0]);
    }
    for (int step = 0; step < STEPS; step++) {
        if (step % 2 == 0) /* two batches are an epoch */
            dim__rng_permutation(order, TRAIN, SEED, dim__mix(DIM__MI_STREAM_BATCH, (uint64_t)step / 2));
        const int32_t *rows = order + step % 2 * BATCH;
        for (int i = 0; i < BATCH; i++)
            for (int j = 0; j < BATCH; j++) {
                base[i][j] = 0;
                for (int k = 0; k < wide; k++)
                    base[i][j] += (double)(&features[0][0][0])[rows[i] * wide + k] * (double)(&features[1][0][0])[rows[j] * wide + k];
            }
        for (int s = 0; s < 2; s++) {
            for (int i = 0; i < BATCH; i++)
                for (int k = 0; k < D; k++)
                    side[s].y[0][i][k] = (double)in->x[s][rows[i] * D + k];
            run_net(&side[s]);
        }
        loss_back(side, base);
        back_net(&side[0]);
        back_net(&side[1]);
        double norm = update(side, step);
        least = fmin(least, norm);
        most = fmax(most, norm);
    }
    assert_true(least < 5 && most > 8); /* some are clipped */
}

/* Weights have moved as they should, but for a few: where a derivative is next to nothing, its sign is of rounding. */
static void test_steps(void **state)
{
    static float x[2][ROWS * D];
    static net side[2], start;
    int32_t rows[2 * ROWS];
    dim__mi_feature scores[D] = { { .kind = DIM__MI_SCORE }, { .kind = DIM__MI_SCORE } };
    dim__mi m = { .ctx = ctx, .n = ROWS, .o = { .max_steps = STEPS } };
    dim__mi_inputs in = { .n = ROWS, .d = { D, D }, .plain = { D, D }, .x = { x[0], x[1] }, .feature = { scores, scores } };
    dim__mi_rows r = { .train = rows, .validation = rows + TRAIN, .n_train = TRAIN, .n_validation = TRAIN };
    dim__mi_critic critic = { .residual = false };
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        rows[i] = i;
        double scale = exp(1.5 * normal());
        for (int k = 0; k < D; k++) {
            x[0][i * D + k] = (float)(2 * scale * normal());
            x[1][i * D + k] = (float)(2 * scale * normal());
        }
    }
    ok(dim__mi_critic_train(&m, &in, &r, SEED, (dim__mi_span){ 0, 1 }, &critic));
    assert_true(critic.residual);
    train(side, &in, &critic.base);
    for (int s = 0; s < 2; s++) {
        double moved = 0;
        int away = 0;
        assert_int_equal(critic.tower[s].count, COUNT);
        draw_net(&start, s);
        for (int k = 0; k < COUNT; k++) {
            double now = (double)critic.tower[s].memory[k];
            away += fabs(now - side[s].average[k]) > 4e-6;
            moved += (start.w[k] - side[s].average[k]) * (start.w[k] - side[s].average[k]);
        }
        assert_true(sqrt(moved / COUNT) > 1e-3);
        assert_in_range(away, 0, COUNT / 20);
    }
    dim__mi_critic_free(ctx, &critic);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_steps) };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
