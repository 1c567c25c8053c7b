#!/bin/sh
# The example programs' command lines: --help, --version, and what is refused, before anything is opened.
# Usage: options.sh FOLDER VERSION     the folder of the programs
set -u
folder=$1 version=$2 failed=0
fail() { echo "FAIL: $*"; failed=1; }

for name in local_dim global_dim infomax_kl amdim signals two_views autoencoder infogan; do
    [ "$("$folder/$name" --version)" = "$name of libdim $version" ] || fail "$name --version"
    for option in --help --version; do
        said=$("$folder/$name" $option 2>&1 >&-) && fail "$name $option without standard output"
        [ "$said" = "$name: cannot write to standard output: Bad file descriptor" ] || fail "$name $option: $said"
    done
    help=$("$folder/$name" --help) || fail "$name --help"
    echo "$help" | awk '/^Example/ { exit } length > 79 { print; bad = 1 } END { exit bad }' || fail "$name: lines of --help are too long"
    # Each option has a text in its column, and a default unless it is a switch.
    echo "$help" | awk -v name="$name" '
        function done() { if (option != "" && (text == "" || (value && text !~ /\((default|required)/))) { print name ": " option; bad = 1 } }
        /^  --/ { done(); option = $1; value = $2 ~ /^[A-Z]/ && substr($0, 3, 22) ~ $2; text = substr($0, 25)
                  if (substr($0, 24, 1) != " " || text ~ /^ /) { print name ": not aligned: " $0; bad = 1 }; next }
        /^                        [^ ]/ { text = text $0; next }
        { done(); option = "" }
        END { done(); exit bad }' || fail "$name --help"
    echo "$help" | grep -q -- '--ndf' && [ "$name" != amdim ] && fail "$name has options of amdim"
done

refuses() { # what is said, PROGRAM, arguments
    says=$1 program=$folder/$2
    shift 2
    text=$("$program" "$@" 2>&1)
    code=$?
    case $text in
    *"$says"*) ;;
    *) fail "$* says: $text" ;;
    esac
    [ $code = 2 ] || fail "exit code $code: $*"
}
refuses '--data is missing' local_dim --steps 1
data=--data=idx:missing
refuses "there is no option '--stpes'" local_dim $data --stpes 3
refuses "there is no option 'out'" local_dim $data out
refuses "there is no option '--ndf'" local_dim $data --ndf 3
refuses "there is no option '--units'" amdim $data --units 3
refuses '--steps needs a value, N' local_dim $data --steps
refuses '--out needs a value, DIR' local_dim $data --out --json
refuses '--json takes no value' local_dim $data --json=1
refuses '--steps: -1 is too small; it must be 0 or more' local_dim $data --steps -1
refuses "--steps: '3x' is not a whole number" local_dim $data --steps 3x
refuses '--steps: 99999999999999999999 is too large' local_dim $data --steps 99999999999999999999
refuses '--batch: 1 is too small; it must be 2 at least' local_dim $data --batch 1
refuses '--threads: 257 is too large; it must be 256 at most' local_dim $data --threads=257
refuses '--units: 65537 is too large; it must be 65536 at most' local_dim $data --units 65537
refuses "--lr: 'fast' is not a number" local_dim $data --lr fast
refuses '--lr: it must be above 0' local_dim $data --lr 0
refuses '--lr: -1 is too small' local_dim $data --lr -1
refuses "--estimator: there is no 'best'; choose one of jsd, dv," local_dim $data --estimator best
refuses "--critic: there is no 'none'; choose one of dot, concat," local_dim $data --critic none
refuses "--prior: there is no 'gauss'; choose one of none, kl, uniform, gaussian" local_dim $data --prior gauss
refuses "--precision: there is no 'f16'; choose one of f32, bf16" local_dim $data --precision f16
refuses '--steps and --epochs exclude each other' local_dim $data --steps 1 --epochs 1
refuses '--probe-train: 19 is too few' local_dim $data --probe-train 19
refuses '--table needs probes' local_dim $data --table --probe-train 0
refuses '--taps: conv,fc,conv names conv twice' local_dim $data --taps conv,fc,conv
refuses "--taps: '' names nothing" local_dim $data --taps=
refuses "--probes: there is no 'lasso'; choose of knn, ridge, linear, svm, mlp" local_dim $data --probes svm,lasso
refuses '--probes: svm,svm names svm twice' local_dim $data --probes svm,svm
refuses "--probes: '' names nothing" local_dim $data --probes=
refuses "--taps: ',' names nothing" local_dim $data --taps ,
for option in --resume --overwrite '--checkpoint-every=3'; do refuses "${option%=3} needs --out" local_dim $data $option; done
refuses '--embed-tap needs --embed' local_dim $data --embed-tap fc
refuses '--embed-split needs --embed' local_dim $data --embed-split train
refuses '--init and --resume exclude each other' local_dim $data --init a --resume --out b
refuses '--out: the name is empty' local_dim $data --out=
refuses '--finetune and --classify-weight exclude each other' local_dim $data --finetune --classify-weight 1
refuses '--labels and --unlabelled exclude each other' local_dim $data --labels 10 --unlabelled
refuses 'need labels: they do not go with --unlabelled' global_dim $data --finetune --unlabelled
refuses '--classify-tap needs --classify-weight or --finetune' infomax_kl $data --classify-tap mean
refuses '--classify-weight: -1 is too small' local_dim $data --classify-weight -1
refuses "--encoder: there is no 'conv16'; choose one of auto, conv28, conv32," local_dim $data --encoder conv16
refuses "there is no option '--encoder'" infomax_kl $data --encoder conv32
for option in --labels=10 --finetune --classify-weight=1; do refuses "there is no option '$option'" amdim $data $option; done
refuses '--views: 1 is too small' amdim $data --views 1
refuses '--depth: 65 is too large; it must be 64 at most' amdim $data --depth 65
refuses '--mixture: 1025 is too large' amdim $data --mixture 1025
refuses '--beta1: it must be below 1' amdim $data --beta1 1
refuses '--beta1: 2 is too large' amdim $data --beta1 2
refuses '--data: ' local_dim $data --steps 1
refuses '--alpha 0 and --beta 0 leave nothing to learn' local_dim $data --beta 0
refuses '--alpha 0 and --beta 0 leave nothing to learn' local_dim $data --alpha=0 --preset dim-g
refuses '--data: ' global_dim $data --alpha 0 --pairs 1
refuses '--global-samples needs --globals' local_dim $data --global-samples 2
refuses '--classes: 1 is too few' global_dim $data --classes 1
refuses '--with-unlabelled excludes --unlabelled, --labels' local_dim $data --with-unlabelled --unlabelled
refuses '--with-unlabelled: only stl10 has' local_dim $data --with-unlabelled
refuses '--class-pairs needs --classes' global_dim $data --class-pairs 1
refuses '--gradient-penalty needs --prior uniform or gaussian' local_dim $data --gradient-penalty 1 --prior none
refuses '--local-samples needs --beta or --pairs' global_dim $data --local-samples 4
refuses '--occlude and --finetune exclude each other' local_dim $data --occlude 8 --finetune
refuses "--preset: there is no 'dim'; choose one of none, dim-g, dim-l, dim-lg" local_dim $data --preset dim
for option in --alpha=1 --occlude=4 --preset=dim-l; do refuses "there is no option '$option'" infomax_kl $data $option; done
refuses "--data: there is no 'sines'; choose waves or npy:NAME.npy" signals --data sines
refuses '--data: a.txt does not end in .npy' signals --data npy:a.txt
refuses "there is no option '--skip-broken'" signals --skip-broken
refuses '--batch: 4801 is more than the 4800 training signals' signals --batch 4801
refuses '--data is missing' two_views --steps 1
for option in --table --critic=dot --probe-train=20 --embed=a.npy; do refuses "there is no option '$option'" two_views $data $option; done
refuses '--overwrite needs --out' two_views $data --overwrite
refuses "--loss: there is no 'x'; choose one of information, vicreg, barlow-twins" two_views $data --loss x
refuses 'they must be above 0' two_views $data --loss vicreg --variance 0
refuses "there is no option '--loss'" autoencoder $data --loss vicreg
for option in --estimator=dv --prior=kl --taps=mean; do refuses "there is no option '$option'" autoencoder $data $option; done
for option in --lr=1 --units=3 --estimator=dv --prior-weight=1; do refuses "there is no option '$option'" infogan $data $option; done
refuses "there is no option '--lr-d'" autoencoder $data --lr-d 1
refuses "--preset: there is no 'digits'; choose one of mnist, svhn, celeba, faces, chairs, cifar10" infogan $data --preset digits
refuses "--std: there is no 'x'; choose one of preset, fixed, learned" infogan $data --std x
refuses '--leak: 2 is too large; it must be 1 at most' infogan $data --leak 2
refuses '--continuous: 41 is too large; it must be 40 at most' infogan $data --continuous 41
refuses '--lr-g: -1 is too small; it must be 0 at least' infogan $data --lr-g -1
refuses '--every: 0 is too small; it must be 1 at least' infogan $data --every 0
refuses '--codes needs --generate' infogan $data --codes c.npy
refuses '--generate: x does not end in .npy' infogan $data --generate x
[ -d /proc/self ] && refuses '--generate: no file can be made in the folder /proc/' infogan $data --generate /proc/g.npy
refuses '--infer: the folder missing/ does not exist' infogan $data --infer missing/x.npy
refuses '--infer: ./g.npy is a file of --generate, which it would replace' infogan $data --generate g.npy --infer ./g.npy
refuses '--infer: g.codes.npy is a file of --generate' infogan $data --generate g.npy --infer g.codes.npy
refuses '--generate: g.npy is the file of --codes, which it would replace' infogan $data --generate g.npy --codes g.npy
refuses '--infer: g.codes.npy is the file of --codes' infogan $data --generate h.npy --codes g.codes.npy --infer g.codes.npy
refuses '--generate: train.npy is a file of --data, which it would replace' infogan --data npy:train.npy --generate train.npy
refuses '--generate: a.codes.npy is a file of --data' infogan --data npy:a.codes.npy --generate a.npy
refuses '--infer: ./test.labels.npy is a file of --data' infogan --data npy:. --infer ./test.labels.npy
refuses "--categorical: '10,x' is not a list of numbers of classes, from 2 to 65536 each" infogan $data --categorical 10,x
refuses "--categorical: '1' is not a list" infogan $data --categorical 1
refuses "--categorical: '10,' is not a list" infogan $data --categorical 10,
refuses '--categorical 0 and --continuous 0 leave no code' infogan $data --categorical 0 --continuous 0
refuses '--lr-d: it must be above 0' infogan $data --lr-d 0
refuses '--leak: it must be above 0' infogan $data --leak 0
refuses "there is no option '--prior-weight'" two_views $data --prior-weight 1
[ "$failed" = 0 ] && echo "the command lines are read as --help says"
exit "$failed"
