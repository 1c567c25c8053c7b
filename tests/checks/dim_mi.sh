#!/bin/sh
# dim-mi on real tables: what it prints and writes, how it reads tables, and its exit codes.
# Usage: dim_mi.sh PROGRAM SOURCE VERSION
set -u
program=$1 source=$2 tables=$2/tests/fixtures/tables version=$3 failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failed=1; }
run() { # CODE, arguments
    want=$1
    shift
    "$program" "$@" >"$work/out" 2>"$work/err"
    code=$?
    [ "$code" = "$want" ] || { cat "$work/out" "$work/err"; fail "exit code $code, not $want: $*"; }
}
prints() { grep -q -- "$1" "$work/out" || { cat "$work/out"; fail "not printed: $1"; }; }
says() { grep -q -- "$1" "$work/err" || { cat "$work/err"; fail "not said: $1"; }; }
table() { printf "$1" >"$work/t.csv"; } # shellcheck disable=SC2059
many() { # FORMAT of awk, COUNT: lines of numbers that differ
    awk -v n="$2" -v format="$1" 'BEGIN { for (i = 0; i < n; i++) printf format, sin(i * i) * 100, cos(3 * i) * 10 }' >"$work/t.csv"
}

# Cars: columns by name and by number are the same.  The first one has names of cars, and no name.
cars=$tables/mtcars.csv
run 0 "$cars" --x hp,wt --y mpg --method gauss --permutations 99
prints '^x  hp, wt  .* 32 rows, 0 dropped$'
prints '^y  mpg  '
prints '^I(X;Y) = 0\.960 nats     95 % interval \[0\.728, 1\.316\]     p = 0\.01 (99 permutations)$'
prints '^         |rho| of a Gaussian pair with this information: 0\.92$'
prints '^method      gauss    0\.960 \[0\.728, 1\.316\]'
says '^note: 32 rows are rather few'
cp "$work/out" "$work/by_name"
run 0 "$cars" --x 5,7 --y 2 --method gauss --permutations 99
cmp -s "$work/out" "$work/by_name" || fail "columns by number"
run 0 "$cars" --x 5,7 --y 2 --method gauss --permutations 99 --threads 2 --quiet
cmp -s "$work/out" "$work/by_name" || fail "two threads"
[ ! -s "$work/err" ] || fail "--quiet is not"
for locale in $(locale -a 2>/dev/null | grep -iE '^(de|fr|es)_.*utf' | head -n 1); do # where a comma is the decimal sign
    LC_ALL=$locale "$program" "$cars" --x hp,wt --y mpg --method gauss --permutations 99 2>/dev/null | cmp -s - "$work/by_name" || fail "$locale"
done
run 0 "$cars" --x hp,wt --y mpg --method gauss --bits
prints '^I(X;Y) = 1\.385 bits '
run 0 "$cars" --x hp,wt --y mpg --given disp --method gauss
prints '^I(X;Y|Z) = '
prints '^z  disp '
run 1 "$cars" --x cyl --y mpg --given cyl,hp --unordered mpg --continuous mpg
says "column 2 'mpg' is in --unordered, too"

# Packed, by standard input, with tabs, with Windows' line ends and mark: the same.
gzip -c "$cars" >"$work/cars.csv.gz"
sed 's/,/\t/g' "$cars" >"$work/cars.tsv"
{ printf '\357\273\277'; sed 's/$/\r/' "$cars"; } >"$work/windows.csv"
sed 's/,/;/g' "$cars" >"$work/semicolons.csv"
for file in cars.csv.gz cars.tsv windows.csv semicolons.csv; do
    if [ "$file" = cars.csv.gz ] && "$program" "$work/$file" --x hp --y mpg 2>&1 | grep -q 'without zlib'; then continue; fi # without zlib
    run 0 "$work/$file" --x hp,wt --y mpg --method gauss --permutations 99
    cmp -s "$work/out" "$work/by_name" || fail "$file"
done
"$program" - --x hp,wt --y mpg --method gauss --permutations 99 <"$cars" 2>/dev/null | cmp -s - "$work/by_name" || fail "standard input"
head -c 300 "$work/cars.csv.gz" >"$work/cut.csv.gz"
run 2 "$work/cut.csv.gz" --x hp --y mpg

# Flowers: text is labels.  Air: missing values; a lag each.
run 0 "$tables/iris.csv" --y Species --iid
prints '^x  Sepal.Length, .*(4)  4 tied  *150 rows'
prints '^y  Species .* 1 labels$'
prints 'entropy of y 1\.099'
says "^note: column 5 'Species' is text: 3 labels$"
air=$tables/airquality.csv
run 2 "$air" --x Temp --y Ozone
says "airquality.csv: column 1 'Ozone' has 37 missing or infinite values, the first in line 6; --missing drop leaves such rows out"
run 0 "$air" --x Temp --y Ozone --missing drop --iid
prints '116 rows, 37 dropped'
run 0 "$air" --x Temp --y Ozone --missing drop --lag -2:2 --json "$work/lags.json"
[ "$(grep -c '^ *-*[0-2]  *[0-9]' "$work/out")" = 5 ] || { cat "$work/out"; fail "--lag: five lines"; }
prints '^largest at lag 0:$'
run 0 "$air" --x Temp --y Ozone --missing drop --lag 0:1 --permutations 19
prints '^p: of each lag alone, not corrected for the 2 lags$'
run 0 "$air" --x Temp --y Ozone --missing drop --lag 1
run 0 "$air" --x Wind --y Temp --group Month --iid
run 0 "$air" --x Wind --y Temp --weights Day
awk -F, 'NR == 5 { $6 = -1.3 } { printf "%s,%s,%s\n", $3, $4, $6 }' OFS=, "$air" >"$work/weights.csv"
run 2 "$work/weights.csv" --x Wind --y Temp --weights Day
says "^dim-mi: --weights: column 3 'Day' of .*weights.csv is -1.3 in line 5; weights are 0 or more$"
run 1 "$air" --x Wind --y Temp --weights Day --method knn
says 'nearest neighbours have no weights'

# A table that is sorted is one, which is said.
awk 'BEGIN { srand(3); print "by,other"; for (i = 0; i < 400; i++) printf "%d,%f\n", i, i / 100 + 3 * rand() }' >"$work/t.csv"
run 0 "$work/t.csv" --y 2
says "^note: the rows are sorted by column 'by' of x, and are otherwise like independent ones; if they are in the order of time, say --series$"

# What information.md shows, but for the numbers.
numbers() { sed 's/[0-9][0-9,.]*/N/g; s/  */ /g'; }
sed -n '/^\$ dim-mi airquality/,/^```/p' "$source/docs/information.md" | sed '1d;/^```/d' | numbers >"$work/shown"
run 0 "$air" --x Temp,Wind --y Ozone --missing drop --permutations 999
numbers <"$work/out" | cmp -s - "$work/shown" || { cat "$work/out"; fail "information.md shows something else"; }

# Convergence is told where a quarter of the rows was looked at, and agrees.
many '%.3f,%.3f\n' 200
run 0 "$work/t.csv" --y 2 --iid --neighbors 50
prints '^rows used   100: '
grep -q '(converged)' "$work/out" && fail "half of the rows is no quarter"
run 0 "$work/t.csv" --y 2 --iid --method gauss
prints '^rows used   50: .*200: .*(converged)$'

# All pairs, the largest first, each once.
run 0 --matrix "$air" --x 1-4 --missing drop --json "$work/pairs.json"
[ "$(wc -l <"$work/out")" = 7 ] || { cat "$work/out"; fail "--matrix: six pairs"; }
awk 'NR > 1 && NR > 2 && $3 > last { exit 1 } { last = $3 }' "$work/out" || fail "--matrix: not sorted"
value=$(awk '$1 == "Ozone" && $2 == "Temp" { print $3 }' "$work/out")
run 0 "$air" --x Ozone --y Temp --missing drop
prints "^I(X;Y) = $value nats"
run 0 --matrix "$air" --x Wind,Temp --y Ozone --missing drop --permutations 19
prints '^p: of 19 permutations, not corrected for the 2 pairs$'
run 0 --matrix "$air" --x Wind --y Ozone --missing drop --permutations 19
prints '^p: of 19 permutations, not corrected for the 1 pair$'
run 3 --matrix "$tables/iris.csv" --x 1-4
[ "$(grep -c '^no answer, such as Sepal.Length and Sepal.Width: 150 rows are too few .* say --iid' "$work/out")" = 1 ] || { cat "$work/out"; fail "why no pair has an answer"; }
[ "$(grep -c '^no answer' "$work/out")" = 1 ] || fail "a reason is there twice"
run 1 --matrix "$cars" --x hp
says '^dim-mi: --matrix: --x names one column; without --y'

# Files.  JSON as a reader of its own takes it: strings, brackets that match, no word but null, true, false.
run 0 "$cars" --x hp --y mpg --permutations 19 --json "$work/one.json" --pointwise "$work/p.npy" --report "$work/r.html"
run 0 "$cars" --x hp --y mpg --pointwise "$work/p.csv" --iid
for file in one lags pairs; do
    tr -d '\n' <"$work/$file.json" | sed 's/"\([^"\\]\|\\.\)*"/S/g; s/-\{0,1\}[0-9][0-9.]*\(e[+-][0-9]*\)\{0,1\}/N/g; s/null/N/g' >"$work/shape"
    for pass in 1 2 3 4 5 6 7 8; do # members and elements become one value, from the inside
        sed 's/\[\([NS]\(,[NS]\)*\)\{0,1\}\]/N/g; s/{\(S:[NS]\(,S:[NS]\)*\)\{0,1\}}/N/g' "$work/shape" >"$work/shape.$pass"
        mv "$work/shape.$pass" "$work/shape"
    done
    [ "$(cat "$work/shape")" = N ] || { cat "$work/shape"; fail "$file.json is not JSON"; }
done
grep -q '"method":"knn"' "$work/one.json" || fail "one.json has no method"
[ "$(wc -l <"$work/p.csv")" = 33 ] || fail "p.csv"
mean=$(awk -F, 'NR > 1 { sum += $2 } END { printf "%.3f", sum / 32 }' "$work/p.csv")
run 0 "$cars" --x hp --y mpg --iid
prints "= $mean nats"
head -c 128 "$work/p.npy" | grep -q "'<f8'.*(32,)" || fail "p.npy"
grep -q '<meta name="viewport"' "$work/r.html" || fail "a telephone shows the page as a wide one"
grep -q '<script' "$work/r.html" && fail "the page has a script"
grep -q 'max-width: none' "$work/r.html" && fail "a window narrower than the picture cuts it off"
for tag in html head body h1 pre ul; do
    [ "$(grep -c "<$tag[ >]" "$work/r.html")" = "$(grep -c "</$tag>" "$work/r.html")" ] || fail "r.html: $tag"
done
if "$program" "$cars" --x hp --y mpg --plot "$work/plot.png" >/dev/null 2>"$work/err"; then
    [ "$(head -c 4 "$work/plot.png" | tail -c 3)" = PNG ] || fail "plot.png"
    grep -q 'src="data:image/png;base64,iVBOR' "$work/r.html" || fail "the page has no picture"
else
    says 'without libpng'
fi
sed '1s/"mpg"/"<b>""m\&pg"/' "$cars" >"$work/odd.csv"
run 0 "$work/odd.csv" --x hp --y 2 --report "$work/odd.html" --json "$work/odd.json"
grep -q '&lt;b&gt;' "$work/odd.html" && ! grep -q '<b>' "$work/odd.html" || fail "names in the page are not escaped"
printf 'caf\351,b\n1,2\n2,1\n' >"$work/t.csv" # a name that is not UTF-8
run 3 "$work/t.csv" --y 2 --report "$work/odd.html" --json "$work/odd.json"
says 'is not UTF-8; --json and --report write U+FFFD'
grep -q '"x":\["caf\\ufffd"\]' "$work/odd.json" && grep -q 'caf&#xfffd;' "$work/odd.html" || fail "a name that is not UTF-8"
long=a_name_that_is_longer_than_any_line_has_room_for
sed "1s/\"mpg\"/$long/" "$cars" >"$work/odd.csv"
run 0 "$work/odd.csv" --x hp --y 2 --report "$work/odd.html"
grep -q "$long" "$work/odd.html" || fail "the page shortens names"
run 2 "$cars" --x hp --y mpg --json "$work/missing/x.json"
says 'cannot write .*missing/x.json'

# Without standard output, or on a full disk, the answer was not told: 2.  Files are written in any case, and none gets its text.
"$program" "$cars" --x hp --y mpg --iid --quiet --json "$work/closed.json" >&- 2>"$work/err"
[ $? = 2 ] || fail "standard output was closed: exit code"
says 'cannot write to standard output: Bad file descriptor'
head -c 11 "$work/closed.json" | grep -q '^{"version":$' || fail "standard output was closed"
"$program" --help >&- 2>"$work/err"
[ $? = 2 ] || fail "--help without standard output"
says 'cannot write to standard output: Bad file descriptor'
"$program" - --y mpg <&- >"$work/out" 2>"$work/err"
[ $? = 2 ] || fail "- without standard input"
says '^dim-mi: -: standard input is closed$'
run 0 "$cars" --x hp --y mpg --iid --quiet --json -
cmp -s "$work/out" "$work/closed.json" || fail "--json - is not what --json writes"

# A file is replaced when the new one is complete, through a link, too, and keeps its mode; a pipe is written to; no other file is touched.
mkdir "$work/whole"
for file in plot.png report.html pointwise.csv json; do
    option=${file%.*} path=$work/whole/$file
    echo old >"$path"
    cp "$path" "$work/before"
    (trap '' XFSZ; ulimit -f 0; exec "$program" "$cars" --x hp --y mpg --iid "--$option" "$path" 2>&1) | grep -v '^$' >"$work/err"
    cmp -s "$path" "$work/before" || fail "--$option: a failure costs the old file"
    grep -q 'without libpng' "$work/err" || says "cannot write $path: File too large"
    [ -f "$path" ] || fail "--$option: the old file is gone"
done
echo old >"$work/whole/target.html"
chmod 640 "$work/whole/target.html"
ln -s target.html "$work/whole/link.html"
run 0 "$cars" --x hp --y mpg --iid --report "$work/whole/link.html"
[ -h "$work/whole/link.html" ] && grep -q '</html>' "$work/whole/target.html" || fail "a link to a file"
[ "$(ls -l "$work/whole/target.html" | cut -c1-10)" = -rw-r----- ] || fail "the mode of a file that is replaced"
mkfifo "$work/whole/pipe"
cat "$work/whole/pipe" >"$work/whole/read" &
reader=$!
run 0 "$cars" --x hp --y mpg --iid --quiet --json "$work/whole/pipe"
[ -p "$work/whole/pipe" ] || kill $reader # nobody will write to it
wait $reader
cmp -s "$work/whole/read" "$work/closed.json" && [ -p "$work/whole/pipe" ] || fail "a pipe"
[ "$(ls "$work/whole" | wc -l)" = 8 ] || { ls "$work/whole"; fail "files are left"; }

# Files to write are neither read nor written twice.
cp "$cars" "$work/in.csv"
ln -s in.csv "$work/in.json"
for to in in.csv ./in.csv in.json; do
    run 1 "$work/in.csv" --x hp --y mpg --json "$work/$to"
    says '--json: .*is a file to read'
    cmp -s "$cars" "$work/in.csv" || fail "the input is gone"
done
run 1 "$cars" --x hp --y mpg --json "$work/same" --report "$work/./same"
says '--json and --report: both would write'
[ ! -e "$work/same" ] || fail "two outputs with one name: one is there"
"$program" "$cars" --x hp --y mpg --json "$work/whole/out" >"$work/whole/out" 2>"$work/err"
[ $? = 1 ] || fail "an output that is standard output"
says 'is where standard output goes'
run 1 "$cars" --x hp --y mpg --report -
says '--report: standard output, -, takes only --json'
run 1 "$cars" --x hp --y mpg --plot a.jpg
says '--plot: a.jpg does not end in .png'

# What is infinite is another word than what is not there.
"$program" "$cars" --x hp --y mpg --quiet --iid --json - >"$work/out"
prints '"p_value":null'
awk 'BEGIN { for (i = 0; i < 200; i++) printf "%.6f,%.6f\n", i + sin(i), 3 * (i + sin(i)) + 1 }' >"$work/t.csv"
run 0 "$work/t.csv" --y 2 --iid --json -
prints '"verdict":"lower bound",.*"high":"inf"'

# Packed files may have several parts, and zeros behind them, but nothing else.
if "$program" "$work/cars.csv.gz" --x hp --y mpg --quiet >/dev/null 2>&1; then
    { head -n 10 "$cars" | gzip; tail -n +11 "$cars" | gzip; head -c 512 /dev/zero; } >"$work/parts.csv.gz"
    run 0 "$work/parts.csv.gz" --x hp,wt --y mpg --method gauss --permutations 99
    cmp -s "$work/out" "$work/by_name" || fail "a packed file of two parts"
    { gzip -c "$cars"; echo 1,2,3; } >"$work/tail.csv.gz"
    run 2 "$work/tail.csv.gz" --x hp --y mpg
    says 'behind the packed data, from byte [0-9]* on, it has something else'
    gzip -c "$cars" | head -c 300 >"$work/cut.csv.gz"
    run 2 "$work/cut.csv.gz" --x hp --y mpg
    says 'it ends in the middle of the packed data'
fi

# On a terminal, how far it is.
if script -qec true /dev/null >/dev/null 2>&1; then # there are pseudo-terminals
    script -qec "'$program' '$cars' --x hp --y mpg --permutations 999" /dev/null >"$work/out"
    prints "$(printf '\r')$(printf '\033')\\[K[a-z]*: [0-9]* %"
    script -qec "'$program' '$cars' --x hp --y mpg --permutations 999 --quiet" /dev/null | grep -q ': [0-9]* %' && fail "--quiet shows progress"
fi

# Arrays.
run 0 "$air" --x Wind --y Temp --iid --pointwise "$work/a.npy"
run 4 "$work/a.npy" "$work/a.npy" --strict # a column against itself
prints '^x  x1 .*continuous'
run 0 "$work/a.npy" "$work/a.npy" --matrix
run 0 "$air" --x Wind --y Ozone --missing drop --iid --pointwise "$work/nan.npy"
run 2 "$work/a.npy" "$work/nan.npy"
says 'nan.npy: column 1 has 37 missing or infinite values, the first in row 4, counted from 0; --missing drop'
run 0 "$work/a.npy" "$work/nan.npy" --missing drop
printf "\223NUMPY\001\000\075\000{'descr': '<f8', 'fortran_order': False, 'shape': (60, 0), }\n" >"$work/none.npy" # leak checkers see it
run 2 "$work/none.npy" "$work/none.npy"
says 'none.npy has no columns'
run 2 "$work/none.npy" --y 1
says 'none.npy has no columns'

# Tables that are none, and columns that are not there.
refuses() { # CODE, TEXT, arguments: of $work/t.csv
    want=$1 text=$2
    shift 2
    run "$want" "$work/t.csv" "$@"
    says "^dim-mi: .*$text"
}
table 'a,b\n1,2\n3\n';            refuses 2 't.csv: line 3 has 1 field, but line 1 has 2' --y b
table 'a,b\n1,2\n"3,4\n5,6\n';    refuses 2 't.csv: line 3, column 1: a quote begins here that nothing ends' --y b
table 'a,b\n"1"x,2\n';            refuses 2 "line 2, column 1: after the quote that ends a field there is 'x'" --y b
table 'a,b\n1,2\000\n';           refuses 2 'line 2 has a zero byte' --y b
table '\377\376a\000';            refuses 2 'is UTF-16' --y b
table '';                         refuses 2 't.csv is empty' --y b
table 'a,b\n';                    refuses 2 'has a line of names but no rows' --y b
table 'a,b\n1,2\n2,3\n4x,5\n';    refuses 2 "line 4, column 1 'a': '4x' is not a number, but most of the column are" --y b
table 'a;b\n1,5;2\n2,5;3\n';      refuses 2 "line 2, column 1 'a': '1,5' is not a number: its decimal sign must be a point" --y b
table 'a,b\n1,2\n3,4\n';          refuses 1 "has no column 'c'; it has 2: a, b" --y c
refuses 1 '--y: 3 is not within the columns 1 to 2 of [^;]*$' --y 3
refuses 1 "--y: column 1 'a' is in --x, too" --y a --x a
refuses 1 '--x: no column' --y a,b
refuses 1 "column 2 'b' is given twice" --y b,b
table 'a\033[31m,b\302\205\n1,2\n3,4\n'; refuses 1 "has no column 'c'; it has 2: a?\[31m, b??$" --y c # a terminal would obey
table 'a,a\n1,2\n3,4\n';          refuses 1 "2 columns are called 'a'; give a number" --y a
table '1,2\n3,4\n';               refuses 1 "has no column 'b'; it has 2 without names; the first line was taken as a row (--header:" --y b
table '2019,2020\n1.5,2\n3,4.5\n'; refuses 1 'not within the columns 1 to 2 of .*; the first line was taken as a row (--header: it has names)' --y 2020
table 'a,b\n1,2\n1e400,3\n3,4\n'; refuses 2 "line 3, column 1 'a': '1e400' is too large: numbers end at 1.8e308" --y b
run 2 "$work/none.csv" --y b
says 'none.csv: No such file'
many '%.3f,%.3f\n' 20; run 3 "$work/t.csv" --y 2
prints '^I(X;Y): no answer: 20 rows are too few'
awk 'BEGIN { for (i = 0; i < 200; i++) printf "%.6f,%.6f\n", i + sin(i), 3 * (i + sin(i)) + 1 }' >"$work/t.csv"
run 0 "$work/t.csv" --y 2 --iid
prints '^I(X;Y) >= '
run 4 "$work/t.csv" --y 2 --iid --strict
many '"a, %.3f",%.3f\n' 40; run 3 "$work/t.csv" --y 2 # labels with a comma, one a row
says '^note: column 1 is text: 40 labels$'

prints "column '#1' of x has a value"
many '%.3f,%.3f\n' 60
{ echo 2019,2020; cat "$work/t.csv"; } >"$work/years.csv"
run 0 "$work/years.csv" --y 2 --iid
says '^note: the first line, which looks like years, was taken as a row'
run 0 "$work/years.csv" --y 2020 --header --iid
[ ! -s "$work/err" ] || ! grep years "$work/err" || fail "--header"
{ echo ',b,c'; cat -n "$work/t.csv" | tr '\t' ','; } >"$work/rows.csv"
run 0 "$work/rows.csv" --y c --iid
prints '^x  b '
says '^note: column 1 has no name'
run 0 "$work/rows.csv" --x 1,b --y c --iid
prints '^x  #1, b '

# Whole numbers of 64 bits keep all their digits; where they do not, it is said.
awk 'BEGIN { print "id,v"; for (i = 0; i < 99; i++) printf "11529215046068469%02d,%d.5\n", i, i }' >"$work/t.csv"
run 0 "$work/t.csv" --y v --iid
prints '^x  id  *1 continuous'
! grep 'digits' "$work/err" || fail "digits were kept"
sed 's/^1/1111/' "$work/t.csv" >"$work/wide.csv"
run 0 "$work/wide.csv" --y v --iid
says "^note: column 1 'id', line 2: a whole number beyond 2^53 lost its last digits"
awk -F, '{ print $0 "," (NR == 1 ? "w" : NR + 0.25) }' "$work/t.csv" >"$work/beside.csv"
run 0 "$work/beside.csv" --y v --iid
says "^note: column 1 'id', line [0-9]*: a whole number beyond 2^53 lost its last digits"

# A wide table, and a long line.
awk 'BEGIN { for (i = 0; i < 40; i++) { for (c = 0; c < 20000; c++) printf "%s%d", (c > 0 ? "," : ""), i * i % (c + 7); printf "\n" } }' >"$work/t.csv"
run 0 "$work/t.csv" --x 19999 --y 20000 --iid

# The command line.
[ "$("$program" --version)" = "dim-mi of libdim $version" ] || fail "--version"
run 0 --help
awk '/^Examples/ { exit } length > 79 { print; bad = 1 } END { exit bad }' "$work/out" || fail "--help: lines are too long"
"$program" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | while read -r option; do
    "$program" --man | sed 's/\\//g' | grep -q "^fB$option" || echo "$option"
done | grep . && fail "the man page lacks options"
if command -v mandoc >/dev/null; then "$program" --man | mandoc -T lint -W warning >/dev/null || fail "mandoc"; fi
run 1
says 'a file is missing'
for arguments in '--stpes 3' '--y' '--quiet=1' '--neighbors 0' '--neighbors 1.5' '--confidence 1' '--confidence 95' '--method best' \
    '--permutations 7' '--confidence 0.99999999999' '--confidence 1e400' '--lag 3:1' '--lag x' '--series --iid' '--missing skip' '--threads 257' '--pointwise x.txt'; do
    # shellcheck disable=SC2086
    run 1 "$cars" --x hp --y mpg $arguments
done
run 1 "$cars"
says '--y is missing'
run 1 "$cars" --x hp --y mpg --neighbors 31
says '^dim-mi: --neighbors is 31;'
run 1 "$cars" --x hp --y mpg --confidence 1e400
says "'1e400' is too large"
run 0 "$cars" --x hp --y mpg --confidence 0.9999999
prints ' 99\.99999 % interval'
# The default seed is the library's: of rounded columns, whose equal values are ordered at random, the same to the last digit.
run 0 "$air" --x Temp --y Wind --quiet --json -
cp "$work/out" "$work/default.json"
run 0 "$air" --x Temp --y Wind --quiet --json - --seed 0
cmp -s "$work/out" "$work/default.json" || fail "--seed 0 is not the default"
run 0 "$air" --x Temp --y Wind --quiet --json - --seed 1
cmp -s "$work/out" "$work/default.json" && fail "--seed does nothing"
run 1 "$cars" "$air"
says 'is not called .npy'
run 1 --matrix "$cars" --given hp
says '--matrix has no condition'

[ "$failed" = 0 ] && echo "dim-mi: tables read, numbers, files and exit codes as they should be"
exit "$failed"
