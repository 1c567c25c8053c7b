/* The command line: one table feeds the parser and --help. */
#include "common.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

typedef enum arg_kind { TEXT, SWITCH, U32, U64, REAL, ESTIMATOR, CRITIC, SHORTCUT, PRIOR, PRECISION } arg_kind;

typedef struct arg {
    const char *name, *value;
    arg_kind kind;
    size_t offset;    /* of the field in ex_options */
    double least;     /* numbers: the smallest value allowed */
    const char *help; /* NULL = the program's own text (--units) */
} arg;

enum { MOST_UNITS = 65536, NEIGHBORS = 20 /* kNN's default k */ };

#define FIELD(f) offsetof(ex_options, f)
static const arg args[] = {
    { "--data", "KIND:DIR", TEXT, FIELD(data), 0,
      "cifar10:DIR, cifar100:DIR, stl10:DIR (binary versions); idx:DIR (MNIST's format, plain\n"
      "or .gz); folder:DIR (train/CLASS/*.jpg or .png, and test/ or val/); tiny:DIR (Tiny\n"
      "ImageNet).  DIR is the folder that holds the data files themselves" },
    { "--image-size", "N", U32, FIELD(image_size), 0,
      "folder:, tiny: make images N x N, the smaller side resized, the centre cut out;\n0 = all have one size" },
    { "--steps", "N", U64, FIELD(steps), 0, "train for N batches; 0 only probes the untrained encoder" },
    { "--epochs", "N", U64, FIELD(epochs), 0, "or: train for N passes over the training images" },
    { "--batch", "N", U32, FIELD(batch), 2, "images of a batch; the others of it are the negatives" },
    { "--lr", "X", REAL, FIELD(lr), 0, "learning rate of Adam" },
    { "--seed", "N", U64, FIELD(seed), 0, "of weights, order of images and noise; the same seed gives the same run" },
    { "--threads", "N", U32, FIELD(threads), 0, "0 = one for each processor" },
    { "--precision", "NAME", PRECISION, FIELD(precision), 0,
      "f32; bf16: activations and operands of products in 16 bits, which is faster where the\n"
      "processor multiplies them" },
    { "--units", "N", U32, FIELD(units), 1, NULL },
    { "--estimator", "NAME", ESTIMATOR, FIELD(estimator), 0, "what is maximised: " },
    { "--critic", "NAME", CRITIC, FIELD(critic), 0, "what scores a pair: " },
    { "--shortcut", "NAME", SHORTCUT, FIELD(shortcut), 0,
      "--critic dot: how the shortcuts of its residual networks start: identity (nearly, as in\n"
      "the papers' code), random (as any linear layer in PyTorch)" },
    { "--prior", "NAME", PRIOR, FIELD(prior), 0,
      "what the codes should be distributed like: none; kl (a Gaussian code against\n"
      "N(0, I), closed form; infomax_kl only); uniform, gaussian (adversarial)" },
    { "--prior-weight", "X", REAL, FIELD(prior_weight), 0, "gamma, the weight of the prior" },
    { "--eval-every", "N", U64, FIELD(eval_every), 0,
      "probe the features every N steps too; 0 = only before and after training" },
    { "--probe-train", "N", U32, FIELD(probe_train), 0,
      "labelled training images that the probes use: the first ones; of folder: and tiny:, which\n"
      "are sorted by class, ones at even distances; 20 at least, or 0 = no probes" },
    { "--taps", "LIST", TEXT, FIELD(taps), 0,
      "features that are probed, at most 8, with commas between, such as fc,global" },
    { "--out", "DIR", TEXT, FIELD(out), 0,
      "write weights.safetensors, log.csv and pictures into DIR" },
    { "--checkpoint-every", "N", U64, FIELD(checkpoint_every), 0,
      "write checkpoint.safetensors into DIR every N steps and at the end, for --resume;\n"
      "0 = only when the run is interrupted" },
    { "--resume", NULL, SWITCH, FIELD(resume), 0,
      "go on from DIR's checkpoint.safetensors, if there is one, with the same options: the\n"
      "result is that of a run without the interruption, bit for bit" },
    { "--json", NULL, SWITCH, FIELD(json), 0, "one JSON object a line on stdout for each evaluation, instead of text" },
    { "--table", NULL, SWITCH, FIELD(table), 0,
      "probe raw pixels as well; end with a table of pixels, untrained and trained encoder" },
};
enum { N_ARGS = sizeof args / sizeof *args };

static const arg amdim_args[] = {
    { "--views", "N", U32, FIELD(views), 2, "random views of each image, at most 8; every ordered pair of them counts" },
    { "--ndf", "N", U32, FIELD(ndf), 1, "width of the encoder's first layer" },
    { "--rkhs", "N", U32, FIELD(rkhs), 1,
      "width of f1 and of the space in which features are compared; 4 ndf at least (8 ndf\n"
      "for images of 64 x 64 and more)" },
    { "--depth", "N", U32, FIELD(depth), 1, "residual blocks of each stage of the encoder, at most 64" },
    { "--tclip", "X", REAL, FIELD(tclip), 0, "a score s becomes X tanh(s / X); 0 = it stays" },
    { "--penalty", "X", REAL, FIELD(penalty), 0, "times the mean square of the scores, added to the loss" },
    { "--mixture", "K", U32, FIELD(mixture), 0,
      "mixture features: K antecedents, at most 1024, are made of f1 for the term 1to7;\n0 = f1 itself" },
    { "--warmup", "N", U64, FIELD(warmup), 0, "steps in which the learning rate rises to its full value" },
    { "--beta1", "X", REAL, FIELD(beta1), 0, "of Adam: the share of old gradients in their running mean" },
    { "--weight-decay", "X", REAL, FIELD(weight_decay), 0, "times the weights, added to their gradients" },
};
enum { N_AMDIM_ARGS = sizeof amdim_args / sizeof *amdim_args };

/* The options of a program, those of all programs first; NULL after the last. */
static const arg *option(const ex_program *p, int i)
{
    if (i < N_ARGS)
        return &args[i];
    return strcmp(p->name, "amdim") == 0 && i - N_ARGS < N_AMDIM_ARGS ? &amdim_args[i - N_ARGS] : NULL;
}

static bool has(const ex_program *p, const arg *a) { return a->help != NULL || p->units_help != NULL; }

static const char *const critics[] = { "dot", "concat", "bilinear", "mlp", "plain-dot" }; /* in dim_critic's order */
enum { N_CRITICS = sizeof critics / sizeof *critics };
static const char *const shortcuts[] = { "identity", "random" }; /* in dim_shortcut's order */
enum { N_SHORTCUTS = sizeof shortcuts / sizeof *shortcuts };
static const char *const precisions[] = { "f32", "bf16" }; /* in dim_precision's order */
enum { N_PRECISIONS = sizeof precisions / sizeof *precisions };
static const char *const priors[] = { "none", "kl", "uniform", "gaussian" }; /* from EX_PRIOR_NONE on */
enum { N_PRIORS = sizeof priors / sizeof *priors };

void ex_usage_error(const ex_program *program, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "%s: ", program->name);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(2);
}

static void print_names(arg_kind kind)
{
    const char *name;
    if (kind == ESTIMATOR)
        for (int i = 0; (name = dim_estimator_name((dim_estimator_kind)i)) != NULL; i++)
            printf("%s%s", i > 0 ? ", " : "", name);
    if (kind == CRITIC)
        for (int i = 0; i < N_CRITICS; i++)
            printf("%s%s", i > 0 ? ", " : "", critics[i]);
}

static void print_default(const ex_program *p, const arg *a)
{
    const char *field = (const char *)&p->defaults + a->offset;
    switch (a->kind) {
    case TEXT:
        if (a->offset == FIELD(taps))
            printf(" (default %s)", p->taps);
        else
            printf(a->offset == FIELD(data) ? " (required)" : " (default: nothing is written)");
        break;
    case SWITCH: break;
    case U32: printf(" (default %u)", (unsigned)*(const uint32_t *)field); break;
    case U64: printf(" (default %llu)", (unsigned long long)*(const uint64_t *)field); break;
    case REAL: printf(" (default %g)", (double)*(const float *)field); break;
    case ESTIMATOR: printf(" (default %s)", dim_estimator_name((dim_estimator_kind) * (const int *)field)); break;
    case CRITIC: printf(" (default %s)", critics[*(const int *)field]); break;
    case SHORTCUT: printf(" (default %s)", shortcuts[*(const int *)field]); break;
    case PRECISION: printf(" (default %s)", precisions[*(const int *)field]); break;
    case PRIOR: printf(" (default %s)", priors[*(const int *)field - EX_PRIOR_NONE]); break;
    }
}

static void print_help(const ex_program *p)
{
    printf("Usage: %s --data KIND:DIR [OPTION...]\n\n%s\n\nOptions:\n", p->name, p->summary);
    const arg *a;
    for (int i = 0; (a = option(p, i)) != NULL; i++) {
        char left[40];
        if (!has(p, a))
            continue;
        snprintf(left, sizeof left, "%s %s", a->name, a->value != NULL ? a->value : "");
        printf("  %-19s ", left);
        if (strlen(left) > 19)
            printf("\n%22s", "");
        for (const char *c = a->help != NULL ? a->help : p->units_help; *c != '\0'; c++)
            if (*c == '\n')
                printf("\n%22s", "");
            else
                putchar(*c);
        print_names(a->kind);
        if (strcmp(a->name, "--steps") != 0) /* by default epochs count */
            print_default(p, a);
        putchar('\n');
    }
    printf("  %-19s %s\n", "--help", "this text");
    printf("\nThe probes are kNN (k = 20, cosine) and closed-form ridge regression on frozen features, measured on all\n"
           "test images.  Ctrl-C ends the run after the current step; with --out it saves the\n"
           "weights, and a checkpoint for --resume.\n"
           "Exit code: 0, 1 on failure, 2 on bad arguments or data, 128 + number of the signal (130 for Ctrl-C).\n\n"
           "Example:\n  %s %s\n", p->name, p->example);
    if (fflush(stdout) != 0)
        fprintf(stderr, "%s: cannot write to standard output: %s\n", p->name, strerror(errno));
    exit(ferror(stdout) ? 1 : 0);
}

static double number(const ex_program *p, const arg *a, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || isnan(value))
        ex_usage_error(p, "%s: '%s' is not a number", a->name, text);
    if (value < a->least || (a->kind == REAL && value < 0))
        ex_usage_error(p, "%s: %s is too small; it must be %g at least", a->name, text, a->least);
    if (value > (double)FLT_MAX)
        ex_usage_error(p, "%s: %s is too large; it must be %g at most", a->name, text, (double)FLT_MAX);
    return value;
}

static uint64_t whole_number(const ex_program *p, const arg *a, const char *text, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0')
        ex_usage_error(p, "%s: '%s' is not a whole number", a->name, text);
    if (errno != 0 || value > most)
        ex_usage_error(p, "%s: %s is too large; it must be %llu at most", a->name, text, (unsigned long long)most);
    if ((double)value < a->least)
        ex_usage_error(p, "%s: %s is too small; it must be %g at least", a->name, text, a->least);
    return value;
}

static int one_of(const ex_program *p, const arg *a, const char *text, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    fprintf(stderr, "%s: %s: there is no '%s'; choose one of", p->name, a->name, text);
    for (int i = 0; i < count; i++)
        fprintf(stderr, "%s %s", i > 0 ? "," : "", names[i]);
    fputc('\n', stderr);
    exit(2);
}

static int estimator(const ex_program *p, const arg *a, const char *text)
{
    const char *names[64];
    int count = 0;
    while (count < 64 && (names[count] = dim_estimator_name((dim_estimator_kind)count)) != NULL)
        count++;
    return one_of(p, a, text, names, count);
}

static void set(const ex_program *p, const arg *a, const char *text, ex_options *o)
{
    void *field = (char *)o + a->offset;
    switch (a->kind) {
    case TEXT: *(const char **)field = text; break;
    case SWITCH: *(bool *)field = true; break;
    case U32: *(uint32_t *)field = (uint32_t)whole_number(p, a, text, UINT32_MAX); break;
    case U64: *(uint64_t *)field = whole_number(p, a, text, UINT64_MAX); break;
    case REAL: *(float *)field = (float)number(p, a, text); break;
    case ESTIMATOR: *(int *)field = estimator(p, a, text); break;
    case CRITIC: *(int *)field = one_of(p, a, text, critics, N_CRITICS); break;
    case SHORTCUT: *(int *)field = one_of(p, a, text, shortcuts, N_SHORTCUTS); break;
    case PRECISION: *(int *)field = one_of(p, a, text, precisions, N_PRECISIONS); break;
    case PRIOR: *(int *)field = one_of(p, a, text, priors, N_PRIORS) + EX_PRIOR_NONE; break;
    }
}

static const arg *find(const ex_program *p, const char *text, size_t length)
{
    const arg *a;
    for (int i = 0; (a = option(p, i)) != NULL; i++)
        if (has(p, a) && strlen(a->name) == length && strncmp(a->name, text, length) == 0)
            return a;
    return NULL;
}

void ex_parse(const ex_program *program, int argc, char **argv, ex_options *o)
{
    bool steps = false, epochs = false;
    *o = program->defaults;
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i], *equals = strchr(text, '=');
        if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)
            print_help(program);
        const arg *a = find(program, text, equals != NULL ? (size_t)(equals - text) : strlen(text));
        if (a == NULL)
            ex_usage_error(program, "there is no option '%s'; see --help", text);
        if (a->kind == SWITCH && equals != NULL)
            ex_usage_error(program, "%s takes no value", a->name);
        if (a->kind != SWITCH && equals == NULL && ++i == argc)
            ex_usage_error(program, "%s needs a value; see --help", a->name);
        steps |= a->offset == FIELD(steps);
        epochs |= a->offset == FIELD(epochs);
        set(program, a, equals != NULL ? equals + 1 : argv[i], o);
    }
    if (o->data == NULL)
        ex_usage_error(program, "--data is missing, such as --data cifar10:DIR; see --help");
    if (steps && epochs)
        ex_usage_error(program, "--steps and --epochs exclude each other");
    if (o->out == NULL && (o->resume || o->checkpoint_every > 0))
        ex_usage_error(program, "%s needs --out", o->resume ? "--resume" : "--checkpoint-every");
    if (!(o->lr > 0))
        ex_usage_error(program, "--lr must be above 0");
    if (o->units > MOST_UNITS)
        ex_usage_error(program, "--units: %u is too many; it must be %u at most", (unsigned)o->units,
                       (unsigned)MOST_UNITS);
    if (o->probe_train > 0 && o->probe_train < NEIGHBORS)
        ex_usage_error(program, "--probe-train: %u is too few for kNN with k = %d; it must be 0 or at least %d",
                       (unsigned)o->probe_train, NEIGHBORS, NEIGHBORS);
    if (o->threads > 256)
        ex_usage_error(program, "--threads: %u is too many; it must be 256 at most", (unsigned)o->threads);
    if (o->prior_weight == 0)
        o->prior = EX_PRIOR_NONE; /* the library takes a weight of 0 for its default, 1 */
    if (steps)
        o->epochs = 0;
}
