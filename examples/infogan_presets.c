/* The tables of appendix C of the InfoGAN paper (arXiv 1606.03657), and cifar10, which is not among them.
 *
 * Strides of the last layers of faces and chairs are not printed there; sizes leave no choice.  Nor is the padding of chairs'
 * layers without a stride: 2 and 1 in turn keep the side of 8, which a kernel of 4 alone cannot.  Text and tables differ in the
 * codes of svhn and chairs; these are the tables'.  Q's deviations are learned, as there; mnist's are fixed, as in the authors'
 * program, the only one of these tables that was published.
 *
 * cifar10 is for varied colour images, of which svhn's G makes one and the same soon: batch norm for each channel, over all
 * pixels, lets G make what does not depend on its input, and its last layers have none.  So G is that of faces, with a batch
 * norm for each unit of an 8 x 8 map, and D has a linear layer with batch norm; rates and codes are those of mnist. */
#include "infogan.h"

#define HALVE(out, norm) { out, 2, 1, norm }  /* or double, of a transposed one */

const infogan_preset infogan_presets[] = {
    {
        .name = "mnist", .shape = { 1, 28, 28 },
        .down = { HALVE(64, false), HALVE(128, true) }, .trunk = 1024, .q = 128,
        .g = 1024, .map = 128, .side = 7, .up = { HALVE(64, true), HALVE(1, false) },
        .categorical = "10", .continuous = 2, .noise = 62, .lr_d = 2e-4f, .lr_g = 1e-3f, .lambda = 1, .lambda_cont = 1,
    },
    {
        .name = "svhn", .shape = { 3, 32, 32 }, .tanh = true, .learned = true,
        .down = { HALVE(64, false), HALVE(128, true), HALVE(256, true) }, .q = 128,
        .map = 448, .side = 2, .up = { HALVE(256, true), HALVE(128, false), HALVE(64, false), HALVE(3, false) },
        .categorical = "10,10,10,10", .continuous = 4, .noise = 124, .lr_d = 2e-4f, .lr_g = 1e-3f, .lambda = 1, .lambda_cont = 1,
    },
    {
        .name = "celeba", .shape = { 3, 32, 32 }, .tanh = true,
        .down = { HALVE(64, false), HALVE(128, true), HALVE(256, true) }, .q = 128,
        .map = 448, .side = 2, .up = { HALVE(256, true), HALVE(128, false), HALVE(64, false), HALVE(3, false) },
        .categorical = "10,10,10,10,10,10,10,10,10,10", .continuous = 0, .noise = 128,
        .lr_d = 2e-4f, .lr_g = 1e-3f, .lambda = 1, .lambda_cont = 1,
    },
    {
        .name = "faces", .shape = { 1, 32, 32 }, .learned = true,
        .down = { HALVE(64, false), HALVE(128, true) }, .trunk = 1024,
        .g = 1024, .map = 128, .side = 8, .up = { HALVE(64, true), HALVE(1, false) },
        .categorical = "0", .continuous = 5, .noise = 128, .lr_d = 2e-4f, .lr_g = 5e-4f, .lambda = 1, .lambda_cont = 0.2f,
    },
    {
        .name = "chairs", .shape = { 1, 64, 64 }, .learned = true,
        .down = { HALVE(64, false), HALVE(128, true), HALVE(256, true), { 256, 1, 2, true }, { 256, 1, 1, true } }, .trunk = 1024,
        .g = 1024, .map = 256, .side = 8,
        .up = { { 256, 1, 1, true }, { 256, 1, 2, true }, HALVE(128, true), HALVE(64, true), HALVE(1, false) },
        .categorical = "20,20,20", .continuous = 1, .noise = 128, .lr_d = 2e-4f, .lr_g = 1e-3f, .lambda = 1, .lambda_cont = 10,
    },
    {
        .name = "cifar10", .shape = { 3, 32, 32 }, .tanh = true,
        .down = { HALVE(64, false), HALVE(128, true) }, .trunk = 1024, .q = 128,
        .g = 1024, .map = 128, .side = 8, .up = { HALVE(64, true), HALVE(3, false) },
        .categorical = "10", .continuous = 2, .noise = 128, .lr_d = 2e-4f, .lr_g = 1e-3f, .lambda = 1, .lambda_cont = 1,
    },
};
enum { N_PRESETS = sizeof infogan_presets / sizeof *infogan_presets };

const char *infogan_preset_name(int i) { return i >= 0 && i < N_PRESETS ? infogan_presets[i].name : NULL; }
