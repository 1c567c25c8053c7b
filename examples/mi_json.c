/* The numbers of dim-mi as JSON, and the shares of rows. */
#include "mi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* JSON has no word for what is infinite; null says that the number does not exist. */
static void put_number(FILE *to, double x)
{
    if (isfinite(x))
        fprintf(to, "%.17g", x);
    else
        fprintf(to, isnan(x) ? "null" : x > 0 ? "\"inf\"" : "\"-inf\"");
}

static void put_field(FILE *to, const char *name, double x)
{
    fprintf(to, ",\"%s\":", name);
    put_number(to, x);
}

static void put_names(FILE *to, char letter, const mi_side *s)
{
    fprintf(to, ",\"%c\":[", letter);
    for (int64_t j = 0; j < s->columns; j++) {
        if (j > 0)
            fputc(',', to);
        ex_json_text(to, s->names[j]);
    }
    fputc(']', to);
}

static void put_result(const mi_run *run, FILE *to, const dim_information_result *r)
{
    static const char *const verdicts[] = { "estimate", "lower bound", "none" };
    double s = mi_scale(run);
    fprintf(to, "{\"verdict\":\"%s\",\"method\":\"%s\"", verdicts[r->verdict], dim_information_method_name(r->method));
    put_field(to, "value", r->value * s);
    put_field(to, "low", r->low * s);
    put_field(to, "high", r->high * s);
    put_field(to, "raw", r->raw * s);
    put_field(to, "bound", r->bound * s);
    put_field(to, "standard_error", r->standard_error * s);
    put_field(to, "deficit", r->deficit * s);
    put_field(to, "ceiling", r->ceiling * s);
    put_field(to, "p_value", r->p_value);
    put_field(to, "correlation", r->correlation);
    put_field(to, "entropy_x", r->entropy_x * s);
    put_field(to, "entropy_y", r->entropy_y * s);
    put_field(to, "effective_rows", r->effective_rows);
    fprintf(to, ",\"rows\":%lld,\"dropped\":%lld,\"duplicates\":%lld,\"warnings\":%u,\"protocol\":%u,\"permutations\":%u}",
            (long long)r->rows, (long long)r->dropped, (long long)r->duplicates, r->warnings, r->protocol, r->permutations);
}

static void put_curve(const mi_run *run, FILE *to)
{
    dim_tensor *t = NULL;
    mi_try(run, dim_information_curve(run->info, &t));
    const double *row = dim_tensor_const_data(t);
    fprintf(to, ",\"curve\":[");
    for (int64_t i = 0; i < dim_tensor_size(t, 0); i++) {
        fprintf(to, "%s{\"rows\":%.0f", i > 0 ? "," : "", row[4 * i]);
        put_field(to, "value", row[4 * i + 1] * mi_scale(run));
        put_field(to, "low", row[4 * i + 2] * mi_scale(run));
        put_field(to, "high", row[4 * i + 3] * mi_scale(run));
        fputc('}', to);
    }
    fputc(']', to);
    dim_tensor_destroy(t);
}

static void put_measurement(const mi_run *run, FILE *to)
{
    fprintf(to, ",\"result\":");
    put_result(run, to, &run->r);
    fprintf(to, ",\"candidates\":[");
    for (int64_t i = 0; i < dim_information_candidates(run->info); i++) {
        dim_information_result r;
        DIM_OPTIONS_INIT(&r);
        mi_try(run, dim_information_get_candidate(run->info, i, &r));
        if (i > 0)
            fputc(',', to);
        put_result(run, to, &r);
    }
    fputc(']', to);
    put_curve(run, to);
    fprintf(to, ",\"notes\":[");
    for (int64_t i = 0; i < dim_information_remarks(run->info); i++) {
        char buffer[MI_TEXT_ROOM];
        fputs(i > 0 ? "," : "", to);
        ex_json_text(to, mi_note(run->info, i, buffer));
    }
    fputc(']', to);
}

static void put_pairs(const mi_run *run, FILE *to)
{
    const mi_side *x = &run->data.side[MI_X], *y = run->data.square ? x : &run->data.side[MI_Y];
    int64_t count, *pairs = mi_sorted_pairs(run, &count);
    fprintf(to, ",\"pairs\":[");
    for (int64_t k = 0; k < count; k++) {
        int64_t at = pairs[k];
        fprintf(to, "%s\n{\"x\":", k > 0 ? "," : "");
        ex_json_text(to, x->names[at / y->columns]);
        fprintf(to, ",\"y\":");
        ex_json_text(to, y->names[at % y->columns]);
        put_field(to, "value", run->value[at] * mi_scale(run));
        put_field(to, "low", run->low[at] * mi_scale(run));
        put_field(to, "high", run->high[at] * mi_scale(run));
        if (run->p != NULL)
            put_field(to, "p_value", run->p[at]);
        fputc('}', to);
    }
    fputc(']', to);
    free(pairs);
}

void mi_json(const mi_run *run, FILE *to)
{
    fprintf(to, "{\"version\":");
    ex_json_text(to, dim_version());
    fprintf(to, ",\"unit\":\"%s\",\"confidence\":%.9g,\"seed\":%llu", mi_unit(run), run->o.confidence > 0 ? run->o.confidence : 0.95,
            (unsigned long long)run->o.seed);
    for (int k = 0; k < MI_SIDES; k++)
        if (run->data.side[k].t != NULL)
            put_names(to, "xyz"[k], &run->data.side[k]);
    if (run->lags != NULL) {
        fprintf(to, ",\"lags\":[");
        for (int64_t k = 0; k < run->n_lags; k++) {
            fprintf(to, "%s\n{\"lag\":%lld,\"result\":", k > 0 ? "," : "", (long long)run->lags[k].lag);
            put_result(run, to, &run->lags[k].r);
            fputc('}', to);
        }
        fputc(']', to);
    }
    if (run->value != NULL)
        put_pairs(run, to);
    else
        put_measurement(run, to);
    fprintf(to, "}\n");
}

/* The share of each row, in the printed unit; the caller's. */
static dim_tensor *shares_of(const mi_run *run)
{
    dim_tensor *t = NULL;
    mi_try(run, dim_tensor_create(run->ctx, DIM_F64, 1, &run->data.rows, &t));
    mi_try(run, dim_information_pointwise(run->info, t));
    double *x = dim_tensor_data(t);
    for (int64_t i = 0; i < run->data.rows; i++)
        x[i] *= mi_scale(run);
    return t;
}

static void print_shares(const mi_run *run, FILE *to)
{
    dim_tensor *t = shares_of(run);
    const double *x = dim_tensor_const_data(t);
    fprintf(to, "row,pointwise\n");
    for (int64_t i = 0; i < run->data.rows; i++)
        if (isnan(x[i]))
            fprintf(to, "%lld,\n", (long long)i + 1);
        else
            fprintf(to, "%lld,%.17g\n", (long long)i + 1, x[i]);
    dim_tensor_destroy(t);
}

bool mi_pointwise(const mi_run *run, const char *path)
{
    size_t n = strlen(path);
    if (strcmp(path + n - 4, ".npy") != 0)
        return mi_write(run, path, print_shares);
    dim_tensor *t = shares_of(run);
    bool written = dim_tensor_save_npy(t, path) == DIM_OK;
    if (!written)
        fprintf(stderr, "dim-mi: %s\n", dim_context_error(run->ctx));
    dim_tensor_destroy(t);
    return written;
}
