#!/bin/sh
# Programs in the documentation do what it says: README's is installed for, compiled and run by README's own commands,
# trains on a small dataset, prints what README says and leaves weights; other C and C++ blocks of README and docs/ compile.
# The blocks of getting-started.md and of objective.md also run, in order.  Links between the pages lead somewhere.
# Usage: readme.sh SOURCE BUILD CC CXX CMAKE
set -u
source=$1 build=$2 cc=$3 cxx=$4 cmake=$5 failed=0 count=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failed=1; }

blocks() { # file language: writes $work/block.1 and so on
    rm -f "$work"/block.*
    awk -v language="$2" -v out="$work/block." '
        $0 == "```" language { n++; inside = 1; next }
        /^```/ { inside = 0 }
        inside { print > (out n) }' "$1"
}

headers='#define DIM_EXPERIMENTAL
#include <dim/dim.h>
#include <dim/objective.h>
#include <stdio.h>
#ifdef __cplusplus
#include <memory>
#include <vector>
#endif
'
# Blocks without a function of their own are the inside of one, in which these are declared.
prelude='void check(dim_status status);
extern dim_context *ctx;
extern dim_dataset *data, *test;
extern dim_encoder *encoder;
extern dim_model *model;
extern dim_objective *obj;
extern dim_network *f, *h, *g, *d;
extern dim_tensor *images, *x, *y, *q, *labels, *codes, *test_codes, *test_images;
extern unsigned char *bytes;
extern int64_t n;
dim_status fragment(void);
dim_status fragment(void)
{
'

compile_blocks() { # file language extension compiler flags
    blocks "$1" "$2"
    for block in "$work"/block.*; do
        [ -e "$block" ] || continue
        count=$((count + 1))
        if grep -q '^{' "$block"; then
            { printf '%s' "$headers"; cat "$block"; } >"$work/try.$3"
        else
            { printf '%s' "$headers$prelude"; cat "$block"; echo 'return DIM_OK; }'; } >"$work/try.$3"
        fi
        # shellcheck disable=SC2086
        $4 $5 -I "$source/include" -fsyntax-only "$work/try.$3" ||
            { fail "block ${block##*.} of ${1##*/} ($2) does not compile"; cat "$work/try.$3"; }
    done
}
for file in "$source"/README.md "$source"/docs/*.md; do
    compile_blocks "$file" c c "$cc" "-std=c11 -Wall -Wextra -Werror -Wno-unused-function"
    compile_blocks "$file" cpp cpp "$cxx" "-std=c++11 -Wall -Wextra -Werror -Wno-unused-function"
done
[ "$count" -ge 5 ] || fail "only $count blocks found"

# Links of the pages lead somewhere.
for file in "$source"/README.md "$source"/CHANGELOG.md "$source"/docs/*.md; do
    for link in $(grep -o ']([^)# ]*' "$file" | sed 's/^](//' | grep -v '^https*:'); do
        [ -e "$(dirname "$file")/$link" ] || fail "${file##*/} links to $link, which does not exist"
    done
done

# README's program, as a reader without root would build it: the commands are README's, in README's order.
command_line() { # pattern: number of the line of README that begins so
    grep -n "^$1" "$source/README.md" | head -n 1 | cut -d: -f1
}
install=$(command_line 'cmake --install build/own --prefix "$HOME') compile=$(command_line 'cc -std=c11 first.c')
[ "${install:-0}" -gt 0 ] && [ "${compile:-0}" -gt "$install" ] || { fail "README does not install before it compiles"; exit 1; }
blocks "$source/README.md" c
mv "$work/block.1" "$work/first.c" || exit 1
blocks "$source/README.md" sh
without_root=$(grep -l '^cmake --install build/own --prefix "$HOME' "$work"/block.*)
sed "s|^cmake --install build/own|\"$cmake\" --install \"$build\"|" "$without_root" >"$work/without_root.sh"
sed -n "${compile}p" "$source/README.md" | sed "s|^cc |$cc |" >"$work/compile.sh"
export HOME="$work/home"
mkdir "$HOME"
# shellcheck disable=SC1091
. "$work/without_root.sh" >"$work/log" 2>&1
[ -e "$PKG_CONFIG_PATH/dim.pc" ] || { cat "$work/log"; fail "README's folder of pkg-config has no dim.pc"; }
(cd "$work" && . ./compile.sh) || fail "README's program does not build"

# The blocks of a page as functions in $work/page.c, with fewer steps and samples, and in $calls those that are to be called.
functions_of() { # page
    blocks "$source/docs/$1" c
    calls=""
    for i in $(seq "$(find "$work" -name 'block.*' | wc -l)"); do
        sed 's/step < [0-9]*000/step < 2/; s/step % 100 == 99/step == 1/; s/< 5000)/< 5)/; s/% 500 ==/% 2 ==/; s/= 10000/= 128/g' \
            "$work/block.$i" >"$work/short.c"
        if grep -q '^{' "$work/short.c"; then
            cat "$work/short.c"
        else
            printf 'static void block_%d(void)\n{\n' "$i"
            cat "$work/short.c"
            echo '}'
            calls="$calls block_$i"
        fi
    done >"$work/page.c"
}
run_page() { # page, line that its output has: $work/page.c after the declarations, before main() from standard input
    {
        cat <<'END'
#define DIM_EXPERIMENTAL
#include <dim/dim.h>
#include <dim/objective.h>
#include <stdio.h>
#include <stdlib.h>

static dim_context *ctx;
static dim_dataset *data, *test;
static dim_encoder *encoder;
static dim_model *model;
static dim_objective *obj;
static dim_network *f, *h, *g, *d;
static dim_tensor *images, *x, *y, *labels;
static unsigned char *bytes;
static int64_t n = 256;

static void check(dim_status status)
{
    if (status == DIM_OK)
        return;
    fprintf(stderr, "%s: %s\n", dim_status_name(status), dim_context_error(ctx));
    exit(1);
}
END
        cat "$work/page.c" -
    } >"$work/run.c"
    # shellcheck disable=SC2046
    (cd "$work" && "$cc" -std=c11 -Wno-unused-function run.c -o run $(pkg-config --cflags --libs dim) $LDFLAGS && ./run) \
        >"$work/out" 2>&1 || { cat "$work/out"; fail "the blocks of $1 do not run"; }
    grep -q "$2" "$work/out" || { cat "$work/out"; fail "$1 prints no '$2'"; }
}

# Each block of getting-started.md works on the encoder and model of the first one.
functions_of getting-started.md
{
    cat <<'END'
int main(void)
{
    const int64_t shape[4] = { n, 3, 32, 32 };
    dim_tensor *all;
    check(dim_context_create(NULL, &ctx));
    bytes = malloc((size_t)n * 3072);
    for (int64_t i = 0; i < n * 3072; i++)
        bytes[i] = (unsigned char)((i * i) >> 7);
    check(dim_tensor_wrap(ctx, DIM_U8, 4, shape, NULL, bytes, NULL, NULL, &all));
    check(dim_tensor_create(ctx, DIM_I32, 1, shape, &labels));
    for (int64_t i = 0; i < n; i++)
        ((int32_t *)dim_tensor_data(labels))[i] = (int32_t)(i % 10);
    check(dim_dataset_from_tensors(ctx, all, labels, &data));
    dim_dataset *const every = data;
    dim_tensor *batch;
    check(dim_tensor_slice(all, 0, 0, 64, 1, &batch));
    dim_encoder *first_encoder = NULL;
    dim_model *first_model = NULL;
END
    for call in $calls; do
        echo "    data = test = every, images = batch, encoder = first_encoder, model = first_model;"
        echo "    puts(\"$call\"), $call();"
        [ "$call" = block_1 ] && echo "    first_encoder = encoder, first_model = model;"
    done
    echo '}'
} >"$work/main.c"
run_page getting-started.md '^local.value ' <"$work/main.c"

# Those of objective.md: linear networks, and 8 samples.
functions_of objective.md
{
    cat <<'END'
static dim_network *linear(int64_t c, int64_t side, int64_t out, int64_t out_side)
{
    dim_encoder_builder *b;
    dim_network *net;
    dim_layer_options layer;
    DIM_OPTIONS_INIT(&layer);
    layer.kind = DIM_LAYER_LINEAR;
    layer.out = (uint32_t)(out_side > 0 ? out * out_side * out_side : out);
    check(dim_encoder_builder_create(ctx, (uint32_t)c, (uint32_t)side, (uint32_t)side, &b));
    check(dim_encoder_builder_add(b, &layer));
    layer.kind = DIM_LAYER_UNFLATTEN;
    layer.out = (uint32_t)out;
    layer.height = (uint32_t)out_side;
    if (out_side > 0)
        check(dim_encoder_builder_add(b, &layer));
    check(dim_encoder_builder_finish(b, NULL, &net));
    dim_encoder_builder_destroy(b);
    return net;
}

int main(void)
{
    check(dim_context_create(NULL, &ctx));
    f = linear(20, 0, 5, 0);
    h = linear(3, 32, 5, 0);
    g = linear(64, 0, 3, 32);
    d = linear(3, 32, 1, 0);
    n = 8;
    check(dim_tensor_create(ctx, DIM_F32, 2, (const int64_t[]){ n, 20 }, &x));
    check(dim_tensor_create(ctx, DIM_F32, 4, (const int64_t[]){ n, 3, 32, 32 }, &y));
    check(dim_tensor_create(ctx, DIM_I32, 1, &n, &labels));
    for (int64_t i = 0; i < n * 3072; i++)
        ((float *)dim_tensor_data(y))[i] = (float)(i * i % 257) / 128 - 1;
    for (int64_t i = 0; i < n * 20; i++)
        ((float *)dim_tensor_data(x))[i] = (float)(i * i % 11) / 5 - 1;
    for (int64_t i = 0; i < n; i++)
        ((int32_t *)dim_tensor_data(labels))[i] = (int32_t)(i % 6 - 1);
    images = y;
END
    for call in $calls; do echo "    puts(\"$call\"), $call();"; done
    echo '}'
} >"$work/main.c"
run_page objective.md '^logits.linear1.weight$' <"$work/main.c"

# The whole programs of information.md, as they stand, the one in C with arrays of 70 bytes.
for name in x y; do
    {
        printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (70,), }"
        awk -v name=$name 'BEGIN { for (i = 0; i < 70; i++) printf "%c", 40 + (name == "x" ? i * i % 71 : i * i * i % 67) }'
    } >"$work/$name.npy"
done
for language in c cpp; do
    blocks "$source/docs/information.md" "$language"
    program=$(grep -l '^int main' "$work"/block.*)
    [ "$(wc -l <"$program")" -le 25 ] || fail "the program of information.md ($language) has more than 25 lines"
    cp "$program" "$work/measure.$language"
    compiler="$cc -std=c11"
    [ "$language" = c ] || compiler="$cxx -std=c++11"
    # shellcheck disable=SC2046,SC2086
    (cd "$work" && $compiler -Wall -Wextra -Werror "measure.$language" -o measure $(pkg-config --cflags --libs dim) $LDFLAGS &&
        ./measure $([ "$language" = cpp ] || echo x.npy y.npy)) \
        >"$work/out" 2>&1 && grep -q '^I(X;Y) = [0-9]' "$work/out" || { cat "$work/out"; fail "the program of information.md ($language)"; }
done

# 70 images of noise in IDX files: one batch an epoch.
mkdir "$work/data"
{ printf '\0\0\010\003\0\0\0\106\0\0\0\034\0\0\0\034'; head -c $((70 * 784)) /dev/urandom; } >"$work/data/train-images-idx3-ubyte"
{ printf '\0\0\010\001\0\0\0\106'; head -c 70 /dev/zero; } >"$work/data/train-labels-idx1-ubyte"
(cd "$work" && sed -i 's/step <= 200/step <= 4/; s/step % 50/step % 1/' first.c && . ./compile.sh && ./first "idx:data") \
    >"$work/out" 2>&1 || { cat "$work/out"; fail "README's program does not run"; }
blocks "$source/README.md" text
numbers() { sed 's/-*[0-9.][0-9.]*/N/' "$1" | sed 's/: -*[0-9.][0-9.]*/: N/'; }
[ "$(numbers "$work/out")" = "$(numbers "$work/block.1")" ] || { cat "$work/out"; fail "README's program prints something else"; }
[ -s "$work/encoder.safetensors" ] || fail "README's program leaves no weights"
if (cd "$work" && ./first idx:missing) >"$work/out" 2>&1 || ! grep -q '^DIM_E_IO: .*missing' "$work/out"; then
    cat "$work/out"
    fail "README's program does not report a missing folder"
fi
[ "$failed" = 0 ] && echo "README's program runs; $count blocks compile"
exit "$failed"
