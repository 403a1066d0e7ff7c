#!/usr/bin/env bash
# Tests of wordcount against coreutils. usage: test.sh WORDCOUNT matches|procs|errors|large
# ASCII letters are meant, and bash -c expands its own arguments.
# shellcheck disable=SC2016,SC2018,SC2019
set -u
export LC_ALL=C
unset HEDDLE_PROCS GOMAXPROCS POSIXLY_CORRECT
[ $# = 2 ] || { sed -n 2p "$0" >&2; exit 2; }

work=$(mktemp -d) || exit 1
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
chmod 755 "$work"
cp "$1" "$work/wordcount" || exit 1 # where an unprivileged user can run it, too
wordcount=$work/wordcount
out=$work/out err=$work/err
failed=0

fail() {
  echo "FAILED: $*" >&2
  head -c 2000 "$err" >&2
  failed=1
}

# expect STATUS COMMAND...: runs COMMAND, with its output in $out and $err; more than a minute counts as a hang.
expect() {
  local status=$1 got
  shift
  timeout 60 "$@" >"$out" 2>"$err"
  got=$?
  [ $got = "$status" ] || fail "exit status $got, not $status: $*"
}

# The words of a tree as `wordcount --all` prints them, by coreutils. paste -s puts every file on lines of its own, so
# that no word spans two files.
reference() {
  find -H "$1" -type f -exec paste -s {} + | tr -cs A-Za-z '\n' | tr A-Z a-z | cut -b 1-1024 | grep . | sort | uniq -c |
    awk '{print $1 "\t" $2}' | sort -t $'\t' -k1,1nr -k2,2
}

# same DIR: words and totals equal those of coreutils, with 1, 2 and 8 procs.
same() {
  local dir=$1 totals procs
  reference "$dir" >"$work/reference"
  totals="$(find -H "$dir" -type f -printf . | wc -c) files, $(find -H "$dir" -type f -exec cat {} + | wc -c) bytes"
  totals+=", $(awk '{n += $1} END {print n + 0}' "$work/reference") words, $(wc -l <"$work/reference") distinct words"
  for procs in 1 2 8; do
    expect 0 env HEDDLE_PROCS=$procs "$wordcount" --all "$dir"
    cmp "$out" "$work/reference" || fail "--all differs from coreutils: $dir, $procs procs"
    expect 0 env HEDDLE_PROCS=$procs "$wordcount" "$dir"
    grep -qxF "$totals" "$out" || fail "no line '$totals': $dir, $procs procs: $(tail -n 2 "$out")"
    grep -q "^$procs procs, " "$out" || fail "not with $procs procs: $dir"
    [ -s "$err" ] && fail "something on standard error: $dir"
  done
}

letters() { head -c "$1" /dev/zero | tr '\0' "$2"; }

# Everything odd that a tree can hold.
make_tree() {
  local tree=$1 i
  mkdir -p "$tree/empty directory" "$tree/a/b/c/d/e/f/g" "$tree/many"
  : >"$tree/empty"
  cp "$wordcount" "$tree/binary"
  printf 'One two\r\nTHREE\r\n\r\ntwo' >"$tree/crlf"
  printf 'na\303\257ve \377 caf\303\251 a\0b\0\0c' >"$tree/not ASCII"
  printf 'end of a file in a wor' >"$tree/$(printf 'a\nname\nof lines')x"
  printf 'd and another' >"$tree/--all"
  printf 'hidden' >"$tree/.hidden"
  printf 'deep' >"$tree/a/b/c/d/e/f/g/$(printf '\377\033[31m')"
  # Words and gaps that lie across the end of the first buffer, at every offset.
  for i in {65520..65540}; do
    { letters "$i" ' '; printf 'AcrossTheBuffer next'; } >"$tree/words $i"
    { letters "$i" x; printf '    '; letters 65536 y; } >"$tree/gaps $i"
  done
  # Longer than a word may be: equal in 1024 letters is equal, different in the last of them is not.
  for i in 1023 1024 1025 5000 65536 131072 1000000; do letters "$i" w; echo; done >"$tree/long"
  { letters 1024 z; echo a; letters 1024 z; echo b; letters 1023 z; echo a; letters 1023 z; echo b; } >"$tree/long, too"
  # More files than goroutines may be alive, and than files may be open.
  for i in {1..5000}; do echo "file number $i" >"$tree/many/$i"; done
  # Not to be counted.
  ln -s "$tree/crlf" "$tree/link"
  ln -s . "$tree/loop"
  ln -s nowhere "$tree/dangling"
  mkfifo "$tree/pipe"
}

case $2 in
  matches)
    make_tree "$work/tree"
    same "$work/tree"
    mkdir "$work/nothing"
    same "$work/nothing"
    ln -s "$work/tree/a" "$work/a"
    same "$work/a"
    # The default directory, and the first lines of the table.
    expect 0 "$wordcount"
    headers=$(head -n 1 "$out")
    [ "$(wc -l <"$out")" = 23 ] || fail "not 20 words and 3 other lines"
    same "$headers"
    head -n 20 "$work/reference" | awk '{printf "%10d  %s\n", $1, $2}' | cmp - <(sed -n 2,21p "$out") || fail "top 20"
    expect 0 "$wordcount" --top=3
    [ "$(wc -l <"$out")" = 6 ] || fail "not 3 words and 3 other lines"
    ;;

  procs)
    make_tree "$work/tree"
    for procs in 0 -3 abc '' 1x 99999999999999999999; do
      expect 2 env HEDDLE_PROCS="$procs" "$wordcount" "$work/tree"
      grep -q HEDDLE_PROCS "$err" || fail "no message about HEDDLE_PROCS=$procs"
      [ -s "$out" ] && fail "output with HEDDLE_PROCS=$procs"
    done
    rm -r "$work/tree/many" # small enough for many runs
    truncate -s 64K "$work/tree/binary"
    reference "$work/tree" >"$work/reference"
    for run in {1..30}; do
      for procs in 1 2 3 8 64; do
        expect 0 env HEDDLE_PROCS=$procs "$wordcount" --all "$work/tree"
        cmp "$out" "$work/reference" || fail "run $run with $procs procs differs"
      done
    done
    ;;

  errors)
    mkdir "$work/tree"
    echo word >"$work/tree/file"
    # refused WHAT ARGUMENT...: exit status 2, nothing on standard output, WHAT on standard error.
    refused() {
      local what=$1
      shift
      expect 2 "$wordcount" "$@"
      [ -s "$out" ] && fail "output of $*"
      grep -q -- "$what" "$err" || fail "no '$what' on standard error: $*"
    }
    refused 'wordcount: .*/missing: No such file or directory' "$work/missing"
    [ "$(wc -l <"$err")" = 1 ] || fail "more than a line about a missing directory"
    refused 'wordcount: .*/file: Not a directory' "$work/tree/file"
    refused 'No such file' ''
    refused usage: --bogus
    refused usage: --top
    refused usage: --top many
    refused usage: --top -1
    refused usage: --all --top 3
    refused usage: "$work/tree" "$work/tree"
    expect 0 "$wordcount" --help
    grep -q ^usage: "$out" || fail "--help prints no usage"
    expect 0 "$wordcount" --all -- "$work/tree"

    # What is below PATH_MAX is counted, what is above cannot be opened: true of every user, root included.
    part=$(letters 200 d)
    half=$part/$part/$part/$part/$part/$part/$part/$part/$part/$part/$part
    mkdir -p "$work/tree/$half" "$work/lower/$half"
    echo deep | tee "$work/tree/$half/file" >"$work/lower/$half/file"
    mv "$work/lower" "$work/tree/$half"
    expect 1 "$wordcount" --all "$work/tree"
    [ "$(cat "$out")" = $'1\tdeep\n1\tword' ] || fail "what could be read was not counted"
    grep -q 'wordcount: .*: File name too long' "$err" || fail "the path that is too long is not named"
    rm -r "${work:?}/tree/$part"

    # No permission. root has every permission, so the program runs as another user.
    unprivileged=()
    [ "$(id -u)" = 0 ] && unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
    if "${unprivileged[@]}" true; then
      secret=$work/tree/$(printf 'a\nsecret\033[31m')
      echo secret >"$secret"
      mkdir "$work/tree/closed"
      chmod 000 "$secret" "$work/tree/closed"
      expect 1 "${unprivileged[@]}" "$wordcount" "$work/tree"
      grep -q '^1 files, 5 bytes, 1 words, 1 distinct words; 2 could not be read$' "$out" || fail "wrong totals"
      sed "s:$work/tree/::" "$err" | sort >"$work/complaints"
      printf '%s\n' 'wordcount: a\012secret\033[31m: Permission denied' 'wordcount: closed: Permission denied' |
        cmp - "$work/complaints" || fail "wrong complaints"
      expect 1 "${unprivileged[@]}" "$wordcount" "$work/tree/closed"
      chmod 755 "$work/tree/closed"
    else
      echo "cannot become another user here: permissions not tested" >&2
    fi

    # Output that cannot be written.
    expect 1 bash -c '"$0" "$1" >/dev/full' "$wordcount" "$work/tree"
    grep -q 'standard output: No space' "$err" || fail "a full disk is not reported"
    expect 1 bash -c '"$0" "$1" >&-' "$wordcount" "$work/tree"
    # 141: killed by SIGPIPE, as any filter; 1 where SIGPIPE is ignored. All the words do not fit into an unread pipe.
    status=$(timeout 60 "$wordcount" --all 2>"$err" | true; echo "${PIPESTATUS[0]}")
    case $status in 1 | 141) ;; *) fail "exit status $status after a closed pipe" ;; esac

    # Few descriptors.
    mkdir "$work/many"
    for i in {1..3000}; do echo word >"$work/many/$i"; done
    expect 0 bash -c 'ulimit -n 100; "$0" --all "$1"' "$wordcount" "$work/many"
    [ "$(cat "$out")" = $'3000\tword' ] || fail "with few descriptors"
    ;;

  large) # some seconds, 1 GiB of disk: files of a gigabyte in little memory
    mkdir "$work/tree"
    truncate -s 1G "$work/tree/sparse"
    printf 'the end' >>"$work/tree/sparse"
    letters 1G a >"$work/tree/letters"
    same "$work/tree"
    ;;

  *)
    sed -n 2p "$0" >&2
    exit 2
    ;;
esac
exit $failed
