/* InfoGAN (arXiv 1606.03657): a generator G makes images of noise and of codes c; a discriminator D tells them from true ones,
 * and beside it, on the same trunk, Q says which codes an image was made of.
 *
 *     D and Q minimise  - log D(x) - log(1 - D(G(c)))  -  lambda L(G, Q)
 *     G minimises       - log D(G(c))                  -  lambda L(G, Q)
 *
 * L = E log Q(c | G(c)) + H(c) is a lower bound of the information between codes and images, which both sides raise.  So codes
 * come to mean what images differ in: without labels a categorical code finds the classes of digits. */
#include "infogan.h"

#include <math.h>
#include <stdlib.h>

static void check_options(ex_options *o);

static const ex_program program = {
    .name = "infogan",
    .summary = "Trains InfoGAN: images are made of noise and of codes, and the codes, which one can find again in an image, come "
               "to mean something. Pictures show what.",
    .example = "--data idx:mnist --steps 5000 --out out",
    .objective = true,
    .infogan = true,
    .check = check_options,
    .defaults = { .epochs = 10, .batch = 128, .lr = 1e-3f, .eval_every = 250, .leak = 0.1f, .every = 50,
                  .continuous = (uint32_t)EX_UNSET, .noise = (uint32_t)EX_UNSET, .lambda = EX_UNSET, .lambda_cont = EX_UNSET,
                  .lr_d = EX_UNSET, .lr_g = EX_UNSET },
};

/* ---- options */

/* What nobody gave is the preset's. */
static void take_preset(ex_options *o, const infogan_preset *p)
{
    float *const real[] = { &o->lambda, &o->lambda_cont, &o->lr_d, &o->lr_g };
    const float usual[] = { p->lambda, p->lambda_cont, p->lr_d, p->lr_g };
    for (size_t i = 0; i < sizeof real / sizeof *real; i++)
        *real[i] = *real[i] < 0 ? usual[i] : *real[i];
    o->categorical = o->categorical != NULL ? o->categorical : p->categorical;
    o->continuous = o->continuous == (uint32_t)EX_UNSET ? p->continuous : o->continuous;
    o->noise = o->noise == (uint32_t)EX_UNSET ? p->noise : o->noise;
    o->std = o->std != INFOGAN_STD_PRESET ? o->std : p->learned ? INFOGAN_STD_LEARNED : INFOGAN_STD_FIXED;
}

static void add_code(infogan *own, int64_t classes)
{
    if (own->n_codes == INFOGAN_MOST_CODES)
        ex_usage_error(&program, "--categorical, --continuous: there are more than %d codes", INFOGAN_MOST_CODES);
    infogan_code *c = &own->code[own->n_codes++];
    own->n_categorical += classes > 0;
    char letter = classes > 0 ? 'c' : 'z';
    int number = classes > 0 ? own->n_codes : own->n_codes - own->n_categorical;
    snprintf(c->name, sizeof c->name, "%c%d", letter, number);
    snprintf(c->loss, sizeof c->loss, "find_%c%d", letter, number);
    c->classes = classes;
    c->prior = classes > 0 ? log((double)classes) : log(2);
    c->at = own->logit;
    own->logit += classes > 0 ? classes : 1;
}

/* "10,10"; "0" are none. */
static void read_codes(infogan *own, const ex_options *o)
{
    const char *text = o->categorical;
    while (strcmp(o->categorical, "0") != 0) {
        char *end;
        long long classes = strtoll(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || (*end != ',' && *end != '\0') || classes < 2 || classes > 65536)
            ex_usage_error(&program, "--categorical: '%s' is not a list of numbers of classes, from 2 to 65536 each, with commas "
                           "between; 0 is for no categorical code", o->categorical);
        add_code(own, classes);
        if (*end == '\0')
            break;
        text = end + 1;
    }
    for (uint32_t i = 0; i < o->continuous; i++)
        add_code(own, 0);
    if (own->n_codes == 0)
        ex_usage_error(&program, "--categorical 0 and --continuous 0 leave no code; InfoGAN needs one at least");
    own->learned = o->std == INFOGAN_STD_LEARNED;
    own->logit += own->learned ? own->n_codes - own->n_categorical : 0;
    own->said = own->logit + 1;
}

static void check_options(ex_options *o)
{
    infogan own = { .preset = NULL };
    take_preset(o, &infogan_presets[o->preset]);
    read_codes(&own, o);
    if (!(o->lr_d > 0) || !(o->lr_g > 0))
        ex_usage_error(&program, "--lr-%c: it must be above 0", o->lr_d > 0 ? 'g' : 'd');
    if (!(o->leak > 0))
        ex_usage_error(&program, "--leak: it must be above 0");
    infogan_check_files(&program, o);
}

/* Where the images are not the preset's: says which presets have networks for their channels. */
static void check_shape(const ex_run *run, const infogan *own)
{
    const int64_t *want = own->preset->shape, *got = run->shape;
    const char *s = got[0] == 1 ? "" : "s";
    char others[300] = "";
    size_t used = 0;
    if (memcmp(want, got, sizeof run->shape) == 0)
        return;
    for (int i = 0; infogan_preset_name(i) != NULL; i++) {
        const infogan_preset *p = &infogan_presets[i];
        if (p->shape[0] == got[0] && used == 0)
            used += (size_t)snprintf(others, sizeof others, "; for %d channel%s there are", (int)got[0], s);
        if (p->shape[0] == got[0])
            used += (size_t)snprintf(others + used, sizeof others - used, " %s (%d x %d)", p->name, (int)p->shape[2],
                                     (int)p->shape[1]);
    }
    ex_usage_error(&program, "--data: the images are %d x %d with %d channel%s, but --preset %s has networks for %d x %d with "
                   "%d%s%s", (int)got[2], (int)got[1], (int)got[0], s, own->preset->name, (int)want[2], (int)want[1],
                   (int)want[0], others, ex_data_resizes(run) ? "; --image-size resizes the images" : "");
}

static void check_data(const ex_run *run, const infogan *own)
{
    check_shape(run, own);
    if (dim_dataset_count(infogan_tested(run)) < 2)
        ex_usage_error(&program, "--data: %s: there must be two test images at least", run->o.data);
}

/* ---- the objective */

static void add_inputs(ex_run *run, const infogan *own, dim_objective *o)
{
    const char *names[INFOGAN_MOST_CODES + 1];
    char joined[INFOGAN_NAME];
    int64_t widths[INFOGAN_MOST_CODES + 1], width = 0;
    int n = 0;
    EX_TRY(run, dim_objective_add_input(o, EX_OPTIONS(dim_input_options, .name = "images",
                                                      .shape = { run->shape[0], run->shape[1], run->shape[2] })));
    if (run->o.noise > 0) {
        EX_TRY(run, dim_objective_add_input(o, EX_OPTIONS(dim_input_options, .name = "noise", .kind = DIM_INPUT_UNIFORM,
                                                          .shape = { run->o.noise }, .low = -1, .high = 1)));
        names[n] = "noise";
        widths[n++] = run->o.noise;
    }
    for (int k = 0; k < own->n_codes; k++) {
        const infogan_code *c = &own->code[k];
        dim_input_options input = { .size = sizeof input, .name = c->name, .kind = DIM_INPUT_ONE_HOT, .shape = { c->classes } };
        if (c->classes == 0)
            input = (dim_input_options){ .size = sizeof input, .name = c->name, .kind = DIM_INPUT_UNIFORM, .shape = { 1 },
                                         .low = -1, .high = 1 };
        EX_TRY(run, dim_objective_add_input(o, &input));
        names[n] = c->name;
        widths[n++] = input.shape[0];
    }
    for (int i = 0; i < n; i++)
        width += widths[i];
    infogan_join(run, o, names, widths, n, joined);
    dim_network *g = infogan_generator(run, own, width);
    EX_TRY(run, dim_objective_apply(o, g, joined, "made"));
    dim_encoder_destroy(g);
}

/* How badly Q finds a code: H(c) - L. */
static void add_code_loss(ex_run *run, const infogan *own, dim_objective *o, const infogan_code *c)
{
    char q[2 * INFOGAN_NAME], logvar[2 * INFOGAN_NAME];
    snprintf(q, sizeof q, "made_d.%s", c->name);
    snprintf(logvar, sizeof logvar, "made_d.%s_logvar", c->name);
    dim_loss_options loss = { .size = sizeof loss, .name = c->loss, .kind = DIM_LOSS_CROSS_ENTROPY, .a = q, .b = c->name };
    if (c->classes == 0)
        loss = (dim_loss_options){ .size = sizeof loss, .name = c->loss, .kind = DIM_LOSS_GAUSSIAN, .a = c->name, .b = q,
                                   .c = own->learned ? logvar : NULL };
    EX_TRY(run, dim_objective_add_loss(o, &loss));
}

/* D has Q, too.  G moves afterwards, with new codes and noise. */
static void add_players(ex_run *run, const infogan *own, dim_objective *o)
{
    const dim_optimizer_options d = { .size = sizeof d, .lr = run->o.lr_d, .beta1 = 0.5f };
    const dim_optimizer_options g = { .size = sizeof g, .lr = run->o.lr_g, .beta1 = 0.5f };
    EX_TRY(run, dim_objective_add_player(o, EX_OPTIONS(dim_player_options, .name = "D", .optimizer = &d)));
    EX_TRY(run, dim_objective_add_player(o, EX_OPTIONS(dim_player_options, .name = "G", .optimizer = &g, .afterwards = 1)));
    EX_TRY(run, dim_objective_give(o, "D", "true_d"));
    EX_TRY(run, dim_objective_give(o, "G", "made"));
    EX_TRY(run, dim_objective_minimise(o, "D", "apart", 1));
    EX_TRY(run, dim_objective_minimise(o, "G", "pass", 1));
    for (int k = 0; k < own->n_codes; k++) {
        const infogan_code *c = &own->code[k];
        float weight = c->classes > 0 ? run->o.lambda : run->o.lambda_cont;
        EX_TRY(run, dim_objective_minimise(o, "D", c->loss, weight));
        EX_TRY(run, dim_objective_minimise(o, "G", c->loss, run->o.gan ? 0 : weight)); /* 0: it is measured all the same */
    }
}

static dim_objective *build_objective(ex_run *run, const infogan *own)
{
    dim_objective *o = NULL;
    EX_TRY(run, dim_objective_create(run->ctx, NULL, &o));
    add_inputs(run, own, o);
    dim_network *d = infogan_discriminator(run, own);
    EX_TRY(run, dim_objective_apply(o, d, "images", "true_d"));
    EX_TRY(run, dim_objective_apply(o, d, "made", "made_d"));
    dim_encoder_destroy(d);
    EX_TRY(run, dim_objective_add_loss(o, EX_OPTIONS(dim_loss_options, .name = "apart", .kind = DIM_LOSS_TELL_APART,
                                                     .a = "true_d.logit", .b = "made_d.logit")));
    EX_TRY(run, dim_objective_add_loss(o, EX_OPTIONS(dim_loss_options, .name = "pass", .kind = DIM_LOSS_PASS_AS_TRUE,
                                                     .a = "made_d.logit")));
    for (int k = 0; k < own->n_codes; k++)
        add_code_loss(run, own, o, &own->code[k]);
    add_players(run, own, o);
    return o;
}

static void prepare(ex_run *run, infogan *own)
{
    own->preset = &infogan_presets[run->o.preset];
    own->tanh = own->preset->tanh;
    read_codes(own, &run->o);
    check_data(run, own);
    own->codes = infogan_read_codes(run, own);
    infogan_open(run, own);
}

int main(int argc, char **argv)
{
    ex_run run;
    infogan own = { .preset = NULL };
    ex_start(&run, &program, argc, argv); /* options, context, data */
    prepare(&run, &own);
    ex_task task = {
        .objective = build_objective(&run, &own),
        .loss = "apart",
        .measures = { { "test.error", "%", NULL }, { "test.error_majority", "%", NULL }, { "test.error_running", "%", NULL },
                      { "test.used", "categories", NULL }, { "q_accuracy", "%", NULL }, { "diversity", "", NULL },
                      { "test.d_true", "%", NULL }, { "d_made", "%", NULL } },
        .give = infogan_give, .stepped = infogan_stepped, .measure = infogan_measure, .print = infogan_print,
        .finish = infogan_finish, .drawing = infogan_draw, .drawing_name = "samples.png", .own = &own,
    };
    int code = ex_train_objective(&run, &task);
    dim_objective_destroy(task.objective);
    infogan_close(&own);
    ex_finish(&run);
    return code;
}
