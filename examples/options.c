#include "options.h"

#include "dim_terms.h"
#include "infogan.h"

static const char *critic(int i) { return dim_critic_name((dim_critic)i); }
static const char *estimator(int i) { return dim_estimator_name((dim_estimator_kind)i); }
static const char *precision(int i) { return dim_precision_name((dim_precision)i); }
static const char *prior(int i) { return i == 0 ? "none" : dim_prior_name((dim_prior_kind)(i - 1)); } /* from EX_PRIOR_NONE */
static const char *repeat(int i) { return dim_repeat_name((dim_repeat)i); }
static const char *shortcut(int i) { return dim_shortcut_name((dim_shortcut)i); }

static const char *coordinates(int i) /* EX_COORDINATES_... */
{
    static const char *const names[] = { "none", "absolute", "relative" };
    return i >= 0 && i < (int)(sizeof names / sizeof *names) ? names[i] : NULL;
}

static const char *infogan_std(int i) /* ex_options.std */
{
    static const char *const names[] = { "preset", "fixed", "learned" };
    return i >= 0 && i < (int)(sizeof names / sizeof *names) ? names[i] : NULL;
}

static const char *loss(int i) /* EX_LOSS_... */
{
    static const char *const names[] = { "information", "vicreg", "barlow-twins" };
    return i >= 0 && i < (int)(sizeof names / sizeof *names) ? names[i] : NULL;
}

static const char *split(int i) /* EX_EMBED_... */
{
    static const char *const names[] = { "auto", "test", "train" };
    return i >= 0 && i < (int)(sizeof names / sizeof *names) ? names[i] : NULL;
}

/* The last argument of each is a text, and behind it what a program needs in order to have the option. */
#define HEADING(...) { .kind = EX_HEADING, .help = __VA_ARGS__ }
#define TEXT(option, form, field, when_unset, ...) \
    { .name = option, .value = form, .kind = EX_TEXT, .offset = EX_FIELD(field), .unset = when_unset, .help = __VA_ARGS__ }
#define FILE_NAME(option, form, field, when_unset, ...) \
    { .name = option, .value = form, .kind = EX_FILE, .offset = EX_FIELD(field), .unset = when_unset, .help = __VA_ARGS__ }
#define SWITCH(option, field, ...) { .name = option, .kind = EX_SWITCH, .offset = EX_FIELD(field), .help = __VA_ARGS__ }
#define NUMBER(type, option, field, low, high, ...) \
    { .name = option, .value = type == EX_REAL ? "X" : "N", .kind = type, .offset = EX_FIELD(field), .least = low, \
      .most = high, .help = __VA_ARGS__ }
#define NAME(option, field, choices, start, ...) \
    { .name = option, .value = "NAME", .kind = EX_NAME, .offset = EX_FIELD(field), .choice = choices, .first = start, \
      .help = __VA_ARGS__ }

#define X(name, title, needs, function, number, runs) " " name
static const char evaluations[] = "make only the evaluations with these names, with commas between, of:"
#include "evaluate_list.def"
    ;
#undef X

static const ex_option options[] = {
    HEADING("Data"),
    TEXT("--data", "KIND:DIR", data, "required",
         "cifar10:DIR, cifar100:DIR, stl10:DIR (binary versions); idx:DIR (MNIST's format, plain or .gz); folder:DIR "
         "(JPEG and PNG files in DIR/train/CLASS/, and in DIR/val/CLASS/ or DIR/test/CLASS/); tiny:DIR (Tiny ImageNet); "
         "npy:DIR (arrays train.npy, test.npy, and train.labels.npy, test.labels.npy) or npy:FILE.npy; csv:DIR (train.csv, "
         "test.csv, plain or .gz) or csv:FILE. DIR is the folder that holds the data files themselves", .needs = EX_FILES),
    TEXT("--data", "WHAT", data, NULL, NULL, .needs = EX_SIGNALS),
    NUMBER(EX_U32, "--image-size", image_size, 0, 4096,
           "folder:, tiny:, stl10: make the images N x N: the smaller side is resized, the centre cut out. 0: the images have "
           "one size already. csv: the columns are the pixels of images N x N", .needs = EX_FILES),
    TEXT("--label-column", "NAME", label_column, "the one with the name label",
         "csv: the column of the labels, by its name in the header or its number, from 0", .needs = EX_FILES),
    SWITCH("--keep-orientation", keep_orientation,
           "folder:, tiny: do not turn images as their EXIF data says", .needs = EX_FILES),
    NUMBER(EX_U64, "--image-memory", image_memory, 0, 0,
           "folder:, tiny: bytes that an image may take while it is decoded, else it counts as broken. 0: 2^29",
           .needs = EX_FILES),
    SWITCH("--skip-broken", skip_broken,
           "folder:, tiny: put the next image in the place of a broken one, and count them. Without this option the "
           "program stops at the first", .needs = EX_FILES),
    SWITCH("--unlabelled", unlabelled,
           "train without labels, which need not be there: stl10 on its images without labels, others on their training "
           "images; folder: on all in DIR, where DIR/train is missing. The probes use those with labels",
           .needs = EX_FILES | EX_MODEL),
    SWITCH("--with-unlabelled", with_unlabelled,
           "stl10: train on its training images and on those without labels as one set, as semi-supervised learning does",
           .needs = EX_FILES | EX_MODEL),
    SWITCH("--unlabelled", unlabelled,
           "read no labels, which need not be there: stl10 trains on its images without labels, folder: on all in DIR, where "
           "DIR/train is missing. Then no errors are measured", .needs = EX_FILES | EX_INFOGAN),

    HEADING("What is evaluated", .needs = EX_EVALUATES),
    FILE_NAME("--weights", "FILE", weights, "required",
              "a weights.safetensors or checkpoint.safetensors of a training program: its encoder is evaluated", .needs = EX_EVALUATES),
    TEXT("--taps", "LIST", taps, "those of conv, fc, f1, global that it has",
         "features, at most 8, with commas between, such as fc,global. The last ones are the code, which is drawn and written",
         .needs = EX_EVALUATES),
    TEXT("--only", "LIST", only, "all", evaluations, .needs = EX_EVALUATES),
    NUMBER(EX_U32, "--probe-train", probe_train, 0, 0,
           "labelled training images that probes learn from, 20 or more: the first N; of folder:, tiny:, npy: and csv:, "
           "which may be sorted by class, N at even distances. 0: nothing that needs labels, or test images, is done",
           .needs = EX_EVALUATES),
    NUMBER(EX_U32, "--runs", runs, 1, 1000, "of probes with random numbers in them: their mean and deviation are reported",
           .needs = EX_EVALUATES),
    NUMBER(EX_U32, "--measure-steps", measure_steps, 0, 1e9, "of training the networks of ndm and mine, and the decoder. 0: 2000",
           .needs = EX_EVALUATES),
    FILE_NAME("--log", "FILE", log, "log.csv beside the weights", "the log of training, for its curves", .needs = EX_EVALUATES),

    HEADING("Computing", .needs = EX_EVALUATES),
    HEADING("Training", .needs = EX_TRAINS),
    NUMBER(EX_U64, "--steps", steps, 0, 0, "train for N batches. 0 only measures what there is at the start", .needs = EX_TRAINS),
    NUMBER(EX_U64, "--epochs", epochs, 0, 1e9, "or: train for N passes over the training data", .needs = EX_TRAINS),
    NUMBER(EX_U32, "--batch", batch, 2, 0, "samples of a batch. Each sample's negatives are the others", .needs = EX_CONTRAST),
    NUMBER(EX_U32, "--batch", batch, 2, 0, "samples of a batch", .needs = EX_GENERATIVE),
    NUMBER(EX_U32, "--batch", batch, 2, 0, "images of a batch, and as many made ones", .needs = EX_INFOGAN),
    NUMBER(EX_REAL, "--lr", lr, 0, 0, "learning rate of Adam; above 0", .needs = EX_ONE_RATE),
    NUMBER(EX_REAL, "--beta1", beta1, 0, 1, "of Adam: the share of old gradients in their running mean; below 1", .needs = EX_DIM),
    NUMBER(EX_REAL, "--lr-d", lr_d, 0, 0, "learning rate of D and Q, who tell true images from made ones and find codes again; "
           "above 0", .unset = "the preset's", .needs = EX_INFOGAN),
    NUMBER(EX_REAL, "--lr-g", lr_g, 0, 0, "learning rate of G, who makes images; above 0", .unset = "the preset's",
           .needs = EX_INFOGAN),
    NUMBER(EX_U64, "--seed", seed, 0, 0,
           "of weights, order of samples and noise. The same seed gives the same run"),
    NUMBER(EX_U32, "--threads", threads, 0, 256, "0: one for each processor"),
    NAME("--precision", precision, precision, 0,
         "f32; bf16 keeps activations and operands of products in 16 bits, which is faster where the processor "
         "multiplies them"),
    NUMBER(EX_U64, "--eval-every", eval_every, 0, 0,
           "evaluate what was learnt every N steps too. 0: only before and after training", .needs = EX_TRAINS),
    NAME("--encoder", encoder, ex_encoder_name, 0,
         "auto: the paper's convolutional one for the size of the images. alex64, foldalex64, foldmultialex64 take 64 x 64; resnet19, "
         "resnet34, foldresnet19, foldresnet34 take 32 x 32. Those with fold see crops, each by itself, whose features make one map; "
         "foldmultialex64 has 5 x 5 globals, and needs --prior none and --taps conv,global", .needs = EX_CONV),
    FILE_NAME("--init", "FILE", init, "random weights",
              "start with the encoder of FILE, a weights.safetensors or checkpoint.safetensors. All else, such as "
              "critics, starts anew", .needs = EX_MODEL),

    HEADING("Objective", .needs = EX_TRAINS),
    NUMBER(EX_U32, "--units", units, 1, 65536, NULL, .needs = EX_UNITS),
    NAME("--estimator", estimator, estimator, 0, "what is maximised", .needs = EX_CONTRAST),
    NAME("--loss", loss, loss, 0,
         "information: maximise it by --estimator; vicreg, barlow-twins: make the two views alike without negatives, so that "
         "small batches do, and keep each unit from collapsing or saying what others do", .needs = EX_TWO_VIEWS),
    NUMBER(EX_REAL, "--invariance", invariance, 0, 0, "vicreg: weight of the views' squared difference; above 0",
           .needs = EX_TWO_VIEWS),
    NUMBER(EX_REAL, "--variance", variance, 0, 0, "vicreg: weight of what units lack of a deviation of 1; above 0",
           .needs = EX_TWO_VIEWS),
    NUMBER(EX_REAL, "--covariance", covariance, 0, 0, "vicreg: weight of the squared covariances of units; above 0",
           .needs = EX_TWO_VIEWS),
    NUMBER(EX_REAL, "--redundancy", redundancy, 0, 0, "barlow-twins: weight of the squared correlations of different units; "
           "above 0", .needs = EX_TWO_VIEWS),
    NAME("--critic", critic, critic, 0, "what scores a pair", .needs = EX_MODEL),
    NAME("--shortcut", shortcut, shortcut, 0,
         "how the shortcuts in the residual networks of --critic dot start: nearly as the identity, as in the papers' "
         "code, or at random, as any linear layer in PyTorch", .needs = EX_MODEL),
    NUMBER(EX_U32, "--labels", labels, 0, 0,
           "hide all labels but those of N training images, as many of each class, which --seed chooses. The images are read into "
           "memory; probes learn from these N. 0: hide none", .needs = EX_CLASSES),
    NUMBER(EX_REAL, "--classify-weight", classify_weight, 0, 0,
           "learn from labels, too: this weight times the cross-entropy of a network on --classify-tap (200 units, dropout 0.1, "
           "batch norm, ReLU, classes), over the images of a batch that have a label; its gradient reaches the encoder. 0: "
           "labels teach nothing", .needs = EX_CLASSES),
    SWITCH("--finetune", finetune, "learn from labels alone, on the images that have one, by the same network: the whole encoder "
           "goes on from --init, or starts from scratch", .needs = EX_CLASSES),
    TEXT("--classify-tap", "NAME", classify_tap, "conv, where there is one", "the features that this network reads",
         .needs = EX_CLASSES),
    NAME("--prior", prior, prior, EX_PRIOR_NONE,
         "which distribution the codes should have. kl: N(0, I), by the closed form for a Gaussian code, which "
         "infomax_kl has; uniform, gaussian: by an adversary", .needs = EX_MODEL),
    NUMBER(EX_REAL, "--prior-weight", prior_weight, 0, 0, "gamma, the weight of the prior", .needs = EX_MODEL),
    NUMBER(EX_REAL, "--prior-weight", prior_weight, 0, 0,
           "gamma, the weight of the prior N(0, I). Less makes reconstructions sharper, more samples better",
           .needs = EX_GENERATIVE),

    NAME("--preset", preset, infogan_preset_name, 0,
         "the paper's networks, codes and rates. mnist: 28 x 28 grey; svhn, celeba: 32 x 32 RGB; faces: 32 x 32 grey; chairs: "
         "64 x 64 grey; and cifar10, for varied 32 x 32 RGB", .needs = EX_INFOGAN),
    TEXT("--categorical", "LIST", categorical, "the preset's",
         "classes of each categorical code, with commas between, such as 10,10; 0: no such code", .needs = EX_INFOGAN),
    NUMBER(EX_U32, "--continuous", continuous, 0, INFOGAN_MOST_CODES, "number of continuous codes, each drawn from U(-1, 1)",
           .unset = "the preset's", .needs = EX_INFOGAN),
    NUMBER(EX_U32, "--noise", noise, 0, 1 << 16, "numbers of the noise, which nobody finds again, each drawn from U(-1, 1)",
           .unset = "the preset's", .needs = EX_INFOGAN),
    NUMBER(EX_REAL, "--lambda", lambda, 0, 0, "weight of the information about each categorical code", .unset = "the preset's",
           .needs = EX_INFOGAN),
    NUMBER(EX_REAL, "--lambda-cont", lambda_cont, 0, 0, "weight of the information about each continuous code",
           .unset = "the preset's", .needs = EX_INFOGAN),
    NAME("--std", std, infogan_std, 0, "deviation of Q's Gaussian of a continuous code: fixed at 1, as in the authors' "
         "program, which mnist and cifar10 have, or learned, one for each image, as in the paper, which the others have",
         .needs = EX_INFOGAN),
    SWITCH("--gan", gan, "leave the information out of what G minimises: an ordinary GAN, in which Q only watches",
           .needs = EX_INFOGAN),
    NUMBER(EX_REAL, "--leak", leak, 0, 1, "slope of D's leaky ReLUs below zero; above 0", .needs = EX_INFOGAN),

    HEADING("Deep InfoMax", .needs = EX_DIM),
    NAME("--preset", dim_preset, ex_dim_preset_name, 0,
         "of the paper: dim-g has alpha 1, beta 0, gamma 1; dim-l 0, 1, 0.1; dim-lg 0.5, 0.1, 0.1. All have its prior, uniform, and "
         "its authors' Adam, --lr 1e-4 --beta1 0.5 --batch 64, with --shortcut identity --repeat from-tap. Options that are given "
         "besides hold", .needs = EX_DIM),
    NUMBER(EX_REAL, "--alpha", alpha, 0, 0, "weight of the information between the whole map and the code. 0: none",
           .needs = EX_DIM),
    NUMBER(EX_REAL, "--beta", beta, 0, 0, "weight of the information between each location of the map and the code. 0: none",
           .needs = EX_DIM),
    NUMBER(EX_REAL, "--pairs", pairs, 0, 0, "weight of the information between the locations of an image. 0: none", .needs = EX_DIM),
    NAME("--coordinates", coordinates, coordinates, EX_COORDINATES_NONE,
         "predict, too, where each location is from its features and the code: its row and column, or how far it is from another one",
         .needs = EX_DIM),
    NUMBER(EX_U32, "--occlude", occlude, 0, 4096,
           "hide a square of N x N pixels, at a random place, from the code that is compared with the locations, which see the whole "
           "image. 0: nothing is hidden", .needs = EX_DIM),
    TEXT("--globals", "TAP", globals, "the code alone", "several globals for each image: the locations of this tap, such as conv",
         .needs = EX_DIM),
    NUMBER(EX_U32, "--global-samples", global_samples, 0, 1 << 24, "of --globals take N random ones of each image. 0: all",
           .needs = EX_DIM),
    NUMBER(EX_U32, "--local-samples", local_samples, 0, 1 << 24, "take N random locations of each image, not all. 0: all",
           .needs = EX_DIM),
    NUMBER(EX_REAL, "--act-penalty", act_penalty, 0, 0, "times the mean squared length of the code as the critic compares it, added "
           "to the loss", .needs = EX_DIM),
    NAME("--repeat", repeat, repeat, 0,
         "which layers --critic dot repeats on the whole map: those after the tap, or from the tap's own layer on, as the authors' "
         "program, which also has a linear layer on the code where the other has the residual network", .needs = EX_DIM),
    NUMBER(EX_REAL, "--gradient-penalty", gradient_penalty, 0, 0,
           "times the mean squared gradient of the prior's discriminator, halved, added to its loss. 0: none", .needs = EX_DIM),
    NUMBER(EX_U32, "--classes", classes, 0, 1 << 20,
           "make a discrete code of N classes, too, and maximise what it tells: of a linear layer on the code, and of one on each "
           "location. 0: none", .needs = EX_DIM),
    NUMBER(EX_REAL, "--class-pairs", class_pairs, 0, 0,
           "times what the code of the whole image and that of each location tell of each other, with --classes: both learn what they "
           "have in common. 0: none", .needs = EX_DIM),

    HEADING("Probes", .needs = EX_MODEL),
    NUMBER(EX_U32, "--probe-train", probe_train, 0, 0,
           "labelled training images that the probes learn from, 20 or more: the first N; of folder:, tiny:, npy: and csv:, "
           "which may be sorted by class, N at even distances. 0: no probes; then neither labels nor test images are needed",
           .needs = EX_MODEL | EX_FILES),
    NUMBER(EX_U32, "--probe-train", probe_train, 0, 0,
           "labelled training signals that the probes learn from, 20 or more, at even distances. 0: no probes; then no "
           "labels are needed", .needs = EX_MODEL | EX_SIGNALS),
    TEXT("--taps", "LIST", taps, NULL, "features that are probed, at most 8, with commas between, such as fc,global",
         .needs = EX_MODEL),
    TEXT("--probes", "LIST", probes, "knn,ridge", "which, with commas between, of knn, ridge, linear (softmax), svm (linear, hinge "
         "loss, C = 1) and mlp (one hidden layer of 200 units); these take longer, in this order", .needs = EX_MODEL),
    SWITCH("--table", table, "probe the raw data too, and end with a table of these and the encoder before and after",
           .needs = EX_MODEL),

    HEADING("Output"),
    FILE_NAME("--out", "DIR", out, "nothing is written",
              "write weights.safetensors, log.csv, pictures, report.html, and at the end checkpoint.safetensors into DIR, a folder "
              "without a run", .needs = EX_TRAINS),
    FILE_NAME("--out", "DIR", out, "nothing is written",
              "write report.html, results.json, pictures, and the code of the test images as features.npy, features.labels.npy and "
              "features.csv into the folder DIR", .needs = EX_EVALUATES),
    NUMBER(EX_U64, "--checkpoint-every", checkpoint_every, 0, 0,
           "write the checkpoint every N steps too. 0: only at the end, whether the run finishes or is interrupted",
           .needs = EX_TRAINS),
    SWITCH("--resume", resume,
           "go on from DIR's checkpoint, with the same options; of a finished run, with more --steps or --epochs. The "
           "result is that of one run, bit for bit", .needs = EX_TRAINS),
    SWITCH("--overwrite", overwrite,
           "replace the run that is in DIR, when the new one is saved for the first time; its log is log.csv.new until then. "
           "With --resume: go on where there is a checkpoint, else start over", .needs = EX_TRAINS),
    FILE_NAME("--tensorboard", "DIR", tensorboard, "no event files",
              "write what log.csv has as an event file for TensorBoard, too, into the folder DIR", .needs = EX_TRAINS),
    FILE_NAME("--embed", "FILE.npy", embed, "no features are written",
              "at the end write features of all samples, (samples, features) in f32, a map flattened, into FILE.npy, and "
              "labels, int64, -1 for none, into FILE.labels.npy; older files are replaced. Rows are in the dataset's "
              "order: folder: and tiny: by class, then by path", .needs = EX_MODEL),
    TEXT("--embed-tap", "NAME", embed_tap, NULL, "which features", .needs = EX_MODEL),
    NAME("--embed-split", embed_split, split, 0, "of which samples. auto: those for testing, or for training where others "
         "are missing", .needs = EX_MODEL),
    NUMBER(EX_U64, "--every", every, 1, 0, "print the means of the last N steps every N steps", .needs = EX_INFOGAN),
    FILE_NAME("--generate", "FILE.npy", generate, "no images are written",
              "at the end write images, f32 in (N, C, H, W), into FILE.npy, and the codes that they are of, a row an image, into "
              "FILE.codes.npy: the class of each categorical code, then the continuous ones", .needs = EX_INFOGAN),
    FILE_NAME("--codes", "FILE.npy", codes, "100 rows that are drawn", "the rows of codes that --generate makes images of, "
              "instead of drawn ones", .needs = EX_INFOGAN),
    FILE_NAME("--infer", "FILE.npy", infer, "no codes are written",
              "at the end write the codes of the test images, as Q finds them, a row an image, into FILE.npy", .needs = EX_INFOGAN),
    SWITCH("--json", json, "print each evaluation as a line of JSON on standard output, instead of as text", .needs = EX_TRAINS),
    SWITCH("--json", json, "print the results as JSON, instead of as a table", .needs = EX_EVALUATES),

    HEADING("AMDIM", .needs = EX_AMDIM),
    NUMBER(EX_U32, "--views", views, 2, 8, "random views of each image. Every ordered pair of them counts", .needs = EX_AMDIM),
    NUMBER(EX_U32, "--ndf", ndf, 1, 1 << 20, "width of the encoder's first layer", .needs = EX_AMDIM),
    NUMBER(EX_U32, "--rkhs", rkhs, 1, 1 << 24,
           "width of f1 and of the space in which features are compared: at least 4 ndf, for images of 64 x 64 and more "
           "8 ndf", .needs = EX_AMDIM),
    NUMBER(EX_U32, "--depth", depth, 1, 64, "residual blocks of each stage of the encoder", .needs = EX_AMDIM),
    NUMBER(EX_REAL, "--tclip", tclip, 0, 0, "a score s becomes X tanh(s / X). 0: it stays s", .needs = EX_AMDIM),
    NUMBER(EX_REAL, "--penalty", penalty, 0, 0, "times the mean square of the scores, added to the loss", .needs = EX_AMDIM),
    NUMBER(EX_U32, "--mixture", mixture, 0, 1024,
           "mixture features: N antecedents are made of f1 for the term 1to7. 0: f1 itself", .needs = EX_AMDIM),
    NUMBER(EX_U64, "--warmup", warmup, 0, 0, "steps in which the learning rate rises to its full value", .needs = EX_AMDIM),
    NUMBER(EX_REAL, "--beta1", beta1, 0, 1, "of Adam: the share of old gradients in their running mean; below 1", .needs = EX_AMDIM),
    NUMBER(EX_REAL, "--weight-decay", weight_decay, 0, 0, "times the weights, added to their gradients", .needs = EX_AMDIM),
};
enum { N_OPTIONS = sizeof options / sizeof *options };

static unsigned features(const ex_program *p)
{
    if (p->evaluates)
        return EX_FILES | EX_EVALUATES;
    return EX_TRAINS | (p->data_help == NULL ? EX_FILES : EX_SIGNALS) | (p->objective ? 0u : EX_MODEL) |
           (p->units_help != NULL ? EX_UNITS : 0u) | (p->dim ? EX_DIM : 0u) | (p->two_views ? EX_TWO_VIEWS : 0u) |
           (p->conv ? EX_CONV : 0u) | (p->classes ? EX_CLASSES : 0u) | (p->defaults.views > 0 ? EX_AMDIM : 0u) |
           (p->infogan ? EX_INFOGAN : EX_ONE_RATE | (p->generative ? EX_GENERATIVE : EX_CONTRAST));
}

const ex_option *ex_option_next(const ex_program *p, const ex_option *last)
{
    for (const ex_option *o = last == NULL ? options : last + 1; o < options + N_OPTIONS; o++)
        if ((o->needs & ~features(p)) == 0)
            return o;
    return NULL;
}
