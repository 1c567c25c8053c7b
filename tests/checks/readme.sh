#!/bin/sh
# Programs in the documentation do what it says: README's is installed for, compiled and run by README's own commands,
# trains on a small dataset, prints what README says and leaves weights; other C and C++ blocks of README and docs/ compile.
# The blocks of getting-started.md also run, in order.  Links between the pages lead somewhere.
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

headers='#include <dim/dim.h>
#include <stdio.h>
#ifdef __cplusplus
#include <memory>
#include <vector>
#endif
'
# Blocks without a function of their own are the inside of one, in which these are declared.
prelude='void check(dim_status status);
dim_status fragment(dim_context *ctx, dim_dataset *data, dim_dataset *test, dim_encoder *encoder, dim_model *model,
                    dim_tensor *images, unsigned char *bytes, int64_t n);
dim_status fragment(dim_context *ctx, dim_dataset *data, dim_dataset *test, dim_encoder *encoder, dim_model *model,
                    dim_tensor *images, unsigned char *bytes, int64_t n)
{
    (void)ctx; (void)data; (void)test; (void)encoder; (void)model; (void)images; (void)bytes; (void)n;
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

# The blocks of getting-started.md run one after the other, with fewer steps and samples; each is a function that works on
# the encoder and model of the first one.
cat >"$work/started.c" <<'END'
#include <dim/dim.h>
#include <stdio.h>
#include <stdlib.h>

static dim_context *ctx;
static dim_dataset *data, *test;
static dim_encoder *encoder;
static dim_model *model;
static dim_tensor *images;
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
blocks "$source/docs/getting-started.md" c
calls=""
for i in $(seq "$(find "$work" -name 'block.*' | wc -l)"); do
    sed 's/step < 5000/step < 2/; s/step % 100 == 99/step == 1/; s/< 5000)/< 5)/; s/% 500 ==/% 2 ==/; s/= 10000/= 128/g' \
        "$work/block.$i" >"$work/short.c"
    if grep -q '^{' "$work/short.c"; then
        cat "$work/short.c"
    else
        printf 'static void block_%d(void)\n{\n' "$i"
        cat "$work/short.c"
        echo '}'
        calls="$calls block_$i"
    fi
done >>"$work/started.c"
{
    cat <<'END'
int main(void)
{
    const int64_t shape[4] = { n, 3, 32, 32 };
    dim_tensor *all, *labels;
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
} >>"$work/started.c"
# shellcheck disable=SC2046
(cd "$work" && "$cc" -std=c11 -Wno-unused-function started.c -o started $(pkg-config --cflags --libs dim) $LDFLAGS && ./started) \
    >"$work/out" 2>&1 || { cat "$work/out"; fail "the blocks of getting-started.md do not run"; }
grep -q '^local.value ' "$work/out" || { cat "$work/out"; fail "getting-started.md's training prints no reports"; }

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
