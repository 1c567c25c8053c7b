#include "options.h"

static const char *critic(int i) { return dim_critic_name((dim_critic)i); }
static const char *estimator(int i) { return dim_estimator_name((dim_estimator_kind)i); }
static const char *precision(int i) { return dim_precision_name((dim_precision)i); }
static const char *prior(int i) { return i == 0 ? "none" : dim_prior_name((dim_prior_kind)(i - 1)); } /* from EX_PRIOR_NONE */
static const char *shortcut(int i) { return dim_shortcut_name((dim_shortcut)i); }

static const char *split(int i) /* EX_EMBED_... */
{
    static const char *const names[] = { "auto", "test", "train" };
    return i >= 0 && i < (int)(sizeof names / sizeof *names) ? names[i] : NULL;
}

#define HEADING(text) { .name = text, .kind = EX_HEADING }
#define TEXT(option, form, field, when_unset, text) \
    { .name = option, .value = form, .kind = EX_TEXT, .offset = EX_FIELD(field), .unset = when_unset, .help = text }
#define FILE_NAME(option, form, field, when_unset, text) \
    { .name = option, .value = form, .kind = EX_FILE, .offset = EX_FIELD(field), .unset = when_unset, .help = text }
#define SWITCH(option, field, text) { .name = option, .kind = EX_SWITCH, .offset = EX_FIELD(field), .help = text }
#define NUMBER(type, option, field, low, high, text) \
    { .name = option, .value = type == EX_REAL ? "X" : "N", .kind = type, .offset = EX_FIELD(field), .least = low, \
      .most = high, .help = text }
#define NAME(option, field, choices, start, text) \
    { .name = option, .value = "NAME", .kind = EX_NAME, .offset = EX_FIELD(field), .choice = choices, .first = start, \
      .help = text }

static const ex_option options[] = {
    HEADING("Data"),
    TEXT("--data", "KIND:DIR", data, "required",
         "cifar10:DIR, cifar100:DIR, stl10:DIR (binary versions); idx:DIR (MNIST's format, plain or .gz); folder:DIR "
         "(JPEG and PNG files in DIR/train/CLASS/, and in DIR/val/CLASS/ or DIR/test/CLASS/); tiny:DIR (Tiny ImageNet). "
         "DIR is the folder that holds the data files themselves"),
    NUMBER(EX_U32, "--image-size", image_size, 0, 4096,
           "folder:, tiny: make the images N x N: the smaller side is resized, the centre cut out. 0: the images have "
           "one size already"),
    SWITCH("--skip-broken", skip_broken,
           "folder:, tiny: put the next image in the place of a broken one, and count them. Without this option the "
           "program stops at the first"),
    SWITCH("--unlabelled", unlabelled,
           "stl10: train on its images without labels. The probes use those with labels"),

    HEADING("Training"),
    NUMBER(EX_U64, "--steps", steps, 0, 0, "train for N batches. 0 only probes the encoder as it starts"),
    NUMBER(EX_U64, "--epochs", epochs, 0, 1e9, "or: train for N passes over the training images"),
    NUMBER(EX_U32, "--batch", batch, 2, 0, "images of a batch. Each image's negatives are the others"),
    NUMBER(EX_REAL, "--lr", lr, 0, 0, "learning rate of Adam; above 0"),
    NUMBER(EX_U64, "--seed", seed, 0, 0,
           "of weights, order of images and noise. The same seed gives the same run"),
    NUMBER(EX_U32, "--threads", threads, 0, 256, "0: one for each processor"),
    NAME("--precision", precision, precision, 0,
         "f32; bf16 keeps activations and operands of products in 16 bits, which is faster where the processor "
         "multiplies them"),
    FILE_NAME("--init", "FILE", init, "random weights",
              "start with the encoder of FILE, a weights.safetensors or checkpoint.safetensors. All else, such as "
              "critics, starts anew"),

    HEADING("Objective"),
    NUMBER(EX_U32, "--units", units, 1, 65536, NULL),
    NAME("--estimator", estimator, estimator, 0, "what is maximised"),
    NAME("--critic", critic, critic, 0, "what scores a pair"),
    NAME("--shortcut", shortcut, shortcut, 0,
         "how the shortcuts in the residual networks of --critic dot start: nearly as the identity, as in the papers' "
         "code, or at random, as any linear layer in PyTorch"),
    NAME("--prior", prior, prior, EX_PRIOR_NONE,
         "which distribution the codes should have. kl: N(0, I), by the closed form for a Gaussian code, which "
         "infomax_kl has; uniform, gaussian: by an adversary"),
    NUMBER(EX_REAL, "--prior-weight", prior_weight, 0, 0, "gamma, the weight of the prior"),

    HEADING("Probes"),
    NUMBER(EX_U64, "--eval-every", eval_every, 0, 0,
           "probe the features every N steps too. 0: only before and after training"),
    NUMBER(EX_U32, "--probe-train", probe_train, 0, 0,
           "labelled training images that the probes learn from, 20 or more: the first N; of folder: and tiny:, which "
           "are sorted by class, N at even distances. 0: no probes; then neither labels nor test images are needed"),
    TEXT("--taps", "LIST", taps, NULL, "features that are probed, at most 8, with commas between, such as fc,global"),
    SWITCH("--table", table, "probe raw pixels too, and end with a table of pixels and the encoder before and after"),

    HEADING("Output"),
    FILE_NAME("--out", "DIR", out, "nothing is written",
              "write weights.safetensors, log.csv, pictures, and at the end checkpoint.safetensors into DIR, a folder "
              "without a run"),
    NUMBER(EX_U64, "--checkpoint-every", checkpoint_every, 0, 0,
           "write the checkpoint every N steps too. 0: only at the end, whether the run finishes or is interrupted"),
    SWITCH("--resume", resume,
           "go on from DIR's checkpoint, with the same options; of a finished run, with more --steps or --epochs. The "
           "result is that of one run, bit for bit"),
    SWITCH("--overwrite", overwrite,
           "replace the run that is in DIR, when the new one is saved for the first time; its log is log.csv.new until then. "
           "With --resume: go on where there is a checkpoint, else start over"),
    FILE_NAME("--embed", "FILE.npy", embed, "no features are written",
              "at the end write features of all images, (images, features) in f32, a map flattened, into FILE.npy, and "
              "labels, int64, -1 for none, into FILE.labels.npy; older files are replaced. Rows are in the dataset's "
              "order: folder: and tiny: by "
              "class, then by path"),
    TEXT("--embed-tap", "NAME", embed_tap, NULL, "which features"),
    NAME("--embed-split", embed_split, split, 0, "of which images. auto: test images, or training images where there "
         "are no others"),
    SWITCH("--json", json, "print each evaluation as a line of JSON on standard output, instead of as text"),
};
enum { N_OPTIONS = sizeof options / sizeof *options };

static const ex_option amdim_options[] = {
    HEADING("AMDIM"),
    NUMBER(EX_U32, "--views", views, 2, 8, "random views of each image. Every ordered pair of them counts"),
    NUMBER(EX_U32, "--ndf", ndf, 1, 1 << 20, "width of the encoder's first layer"),
    NUMBER(EX_U32, "--rkhs", rkhs, 1, 1 << 24,
           "width of f1 and of the space in which features are compared: at least 4 ndf, for images of 64 x 64 and more "
           "8 ndf"),
    NUMBER(EX_U32, "--depth", depth, 1, 64, "residual blocks of each stage of the encoder"),
    NUMBER(EX_REAL, "--tclip", tclip, 0, 0, "a score s becomes X tanh(s / X). 0: it stays s"),
    NUMBER(EX_REAL, "--penalty", penalty, 0, 0, "times the mean square of the scores, added to the loss"),
    NUMBER(EX_U32, "--mixture", mixture, 0, 1024,
           "mixture features: N antecedents are made of f1 for the term 1to7. 0: f1 itself"),
    NUMBER(EX_U64, "--warmup", warmup, 0, 0, "steps in which the learning rate rises to its full value"),
    NUMBER(EX_REAL, "--beta1", beta1, 0, 1, "of Adam: the share of old gradients in their running mean; below 1"),
    NUMBER(EX_REAL, "--weight-decay", weight_decay, 0, 0, "times the weights, added to their gradients"),
};
enum { N_AMDIM_OPTIONS = sizeof amdim_options / sizeof *amdim_options };

const ex_option *ex_option_at(const ex_program *p, int i)
{
    if (i < N_OPTIONS)
        return &options[i];
    return p->defaults.views > 0 && i - N_OPTIONS < N_AMDIM_OPTIONS ? &amdim_options[i - N_OPTIONS] : NULL;
}
