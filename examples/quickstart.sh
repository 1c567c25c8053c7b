#!/bin/sh
# From a bare Debian 12 or 13 to a trained encoder: installs what is missing (as root), builds into build/quickstart, trains
# local Deep InfoMax on Fashion-MNIST, and compares the features with raw pixels and with an untrained encoder.
# Usage: sh examples/quickstart.sh [OPTION OF local_dim...]     such as --threads 2, or --resume --steps 20000
set -eu
cd "$(dirname "$0")/.."

own_steps=
for option; do
    case $option in
    --help | -h)
        sed -n '2,4s/^# //p' examples/quickstart.sh
        echo "Once it is built, build/quickstart/examples/local_dim --help lists the options."
        exit 0
        ;;
    --steps | --steps=* | --epochs | --epochs=*) own_steps=1 ;;
    esac
done

packages="build-essential cmake ninja-build pkg-config libopenblas-pthread-dev libdnnl-dev libpng-dev zlib1g-dev
    libjpeg62-turbo-dev dataset-fashion-mnist"
data=/usr/share/datasets/fashion-mnist
build=build/quickstart
out=$build/out

as_root=""
missing=""
for package in $packages; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
    esac
done
if [ -n "$missing" ]; then
    echo "== installing:$missing"
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "Not root, and there is no sudo: install these packages first." >&2
            exit 1
        fi
        as_root="sudo"
    fi
    # shellcheck disable=SC2086
    {
        $as_root apt-get update -qq
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    }
fi

echo "== building in $build"
mkdir -p "$build"
if ! { cmake -S . -B "$build" -G Ninja -DDIM_BUILD_TESTS=OFF -DDIM_BUILD_STATIC=OFF &&
    cmake --build "$build"; } >"$build/build.log" 2>&1; then
    tail -n 40 "$build/build.log" >&2
    exit 1
fi

[ -n "$own_steps" ] || set -- --steps 3000 "$@"
set -- --data "idx:$data" --estimator infonce --prior none --units 128 --batch 128 --lr 2e-3 \
    --probe-train 1000 --table --out "$out" "$@"
if [ -n "$own_steps" ]; then
    echo "== training and probing"
else
    echo "== training and probing: on two idle processors three to five minutes for the 3000 steps, and one for the probes"
fi
echo "   $build/examples/local_dim $*"
"$build/examples/local_dim" "$@"

cat <<END

How to read the table: the encoder has learned without labels.  Then kNN and ridge classify its features, which stay as
they are, with the labels of some training images (1,000, unless you gave --probe-train).  conv is the map of the last
convolution, fc the 1024 features above it, global the encoder's output of 64 numbers.

Compare each row of the trained encoder with the same row of the untrained one, and with raw pixels.

In the folder that --out names ($out, unless you gave another one):
  retrieval.png            ten test images, and beside each the nine others with the nearest codes
  log.csv                  loss and terms of every step
  weights.safetensors      the weights, for libdim and for PyTorch
  checkpoint.safetensors   from which training can go on

Next:
  sh examples/quickstart.sh --resume --steps 20000                          trains on from here
  sh examples/quickstart.sh --out build/quickstart/jsd --estimator jsd      tries another estimator
  $build/examples/local_dim --help                                lists all options

For your own JPEG or PNG images, give --data folder:DIR --image-size 32 --out ANOTHER.  The programs global_dim,
infomax_kl and amdim beside local_dim have the same options; use_losses and use_from_cpp show the library without a
training loop.  README.md says how to install it.
END
