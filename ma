#!/bin/sh
# Starts the command line: finds a JDK 25, builds when there is no build or the sources are newer, and runs it.
#
#   MA_JAVA_HOME    the JDK to use, before all others
#   MA_JAVA_OPTS    options for the JVM, after (so instead of) those given here
#   TORNADOVM_HOME  a TornadoVM SDK: build against it and run on its devices
#
# "ma package FOLDER [--with-java] [--with-sdk]" makes a folder with this script that runs where there is no Maven, with a
# runtime image of this JDK and a copy of the SDK in it if asked for.
set -u

NO_BACKEND=3 # how config/tornadovm-arguments ends where no backend of the SDK can run
# Weights live outside the heap.
java_options='--add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -Xmx2g -XX:MaxDirectMemorySize=1024g
    -Dstdout.encoding=UTF-8 -Dstderr.encoding=UTF-8 -Dslf4j.internal.verbosity=ERROR'
# What the command line, Graal and TornadoVM need of a JDK; the same list is in docs/tornadovm.md.
java_modules=java.base,java.desktop,java.instrument,java.logging,java.management,java.sql,jdk.attach,jdk.crypto.ec,jdk.incubator.vector,jdk.internal.vm.ci,jdk.jfr,jdk.management,jdk.unsupported,jdk.zipfs

fail() {
    printf 'ma: %s\n' "$*" >&2
    exit 1
}

# Sets path to the file that $1 is, through any number of symbolic links.
real_path() {
    path=$1
    while [ -h "$path" ]; do
        link=$(readlink "$path") || break
        case $link in
            /*) path=$link ;;
            *) parent_of "$path" && path=$parent/$link ;;
        esac
    done
}

# Sets parent to the folder that file $1 is in.
parent_of() {
    case $1 in
        /*/*) parent=${1%/*} ;;
        /*) parent=/ ;;
        */*) parent=${1%/*} ;;
        *) parent=. ;;
    esac
}

# Whether $1 is the home of a Java 25. Sets java_build to what its maker calls it, if its folder says so.
is_java_25() {
    java_build=
    [ -x "$1/bin/java" ] || return 1
    if [ -r "$1/release" ]; then
        while IFS= read -r line || [ -n "$line" ]; do
            case $line in
                'JAVA_VERSION="25"'* | 'JAVA_VERSION="25.'* | 'JAVA_VERSION="25-'*)
                    line=${line#*\"}
                    java_build=$java_build${line%\"}
                    return 0
                    ;;
                IMPLEMENTOR=* | JAVA_RUNTIME_VERSION=*)
                    line=${line#*\"}
                    java_build="$java_build${line%\"} "
                    ;;
            esac
        done <"$1/release"
        return 1
    fi
    "$1/bin/java" -version 2>&1 | grep -q 'version "25[".-]'
}

# Sets java_home.
find_java() {
    if [ -n "${MA_JAVA_HOME:-}" ]; then
        is_java_25 "$MA_JAVA_HOME" || fail "MA_JAVA_HOME=$MA_JAVA_HOME is not a JDK 25"
        java_home=$MA_JAVA_HOME
        return
    fi
    java_on_path=$(command -v java 2>/dev/null) || java_on_path=
    if [ -n "$java_on_path" ]; then
        real_path "$java_on_path"
        parent_of "$path"
        parent_of "$parent"
        java_on_path=$parent
    fi
    for java_home in "${JAVA_HOME:-}" "$java_on_path" \
        /usr/lib/jvm/*25* /usr/lib64/jvm/*25* /usr/java/*25* /opt/*25* /opt/java* /opt/java/* \
        "${HOME:-/nonexistent}"/.sdkman/candidates/java/25* "${HOME:-/nonexistent}"/.jdks/*25* \
        "${HOME:-/nonexistent}"/.local/share/mise/installs/java/*25* \
        "${HOME:-/nonexistent}"/.asdf/installs/java/*25* \
        /Library/Java/JavaVirtualMachines/*25*/Contents/Home \
        "${HOME:-/nonexistent}"/Library/Java/JavaVirtualMachines/*25*/Contents/Home; do
        if [ -n "$java_home" ] && is_java_25 "$java_home"; then
            return
        fi
    done
    if [ -x /usr/libexec/java_home ] && java_home=$(/usr/libexec/java_home -F -v 25 2>/dev/null) \
        && is_java_25 "$java_home"; then
        return
    fi
    fail "found no JDK 25; install one (Temurin 25, say), or set MA_JAVA_HOME to where it is"
}

# Whether there is a build of these sources for this SDK. Sets app to its folder.
is_built() {
    [ -f "$home/current" ] || return 1
    IFS= read -r app <"$home/current" || return 1
    app=$home/$app
    [ -f "$app/built-for" ] || return 1
    IFS= read -r built_for <"$app/built-for"
    [ "$built_for" = "${TORNADOVM_HOME:-embedded}" ] || return 1
    # A folder is newer too when a file in it has gone.
    newer=$(
        cd -- "$root" || exit
        set --
        for module in . tornado-embedded tornado-kernels moe-core parallel-strategy \
            parallel-strategy/runtime parallel-strategy/planner parallel-strategy/studies parallel-strategy/cli; do
            set -- "$@" "$module/pom.xml" "$module/src/main"
        done
        find "$@" -newer "$app/built-for" -print 2>/dev/null
    )
    [ -z "$newer" ]
}

# Builds into a new folder and makes it the current one; one process at a time, the others wait and find it done.
build() {
    mkdir -p "$home" 2>/dev/null || fail "cannot write to $home, where the build belongs"
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$home/lock"
        if ! flock -n 9; then
            echo "ma: waiting for a build that is under way..." >&2
            flock 9 || fail "cannot lock $home/lock"
        fi
    else
        while ! mkdir "$home/lock.d" 2>/dev/null; do
            owner=$(cat "$home/lock.d/pid" 2>/dev/null) || owner=
            if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
                rm -rf "$home/lock.d"
            else
                sleep 1
            fi
        done
        trap 'rm -rf "$home/lock.d"' EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM
        echo $$ >"$home/lock.d/pid"
    fi
    if ! is_built; then
        build_locked
    fi
    if command -v flock >/dev/null 2>&1; then
        exec 9>&-
    else
        rm -rf "$home/lock.d"
        trap - EXIT INT TERM
    fi
}

build_locked() {
    [ -x "$java_home/bin/javac" ] || fail "$java_home has no compiler: building needs a JDK 25, not only a JRE"
    if [ -f "$home/current" ]; then
        echo "ma: building (the sources have changed)..." >&2
    else
        echo "ma: building (first use; about a minute, more where Maven has much to download)..." >&2
    fi
    generation=app-$(date +%Y%m%d%H%M%S)-$$
    target=$root/parallel-strategy/cli/$folder
    # Dated before the compiler reads the sources, so that what changes meanwhile counts as newer.
    printf '%s\n' "${TORNADOVM_HOME:-embedded}" >"$home/built-for" || fail "cannot write to $home"
    rm -rf "${target:?}/lib" "${target:?}"/ma-cli-*.jar
    set -- -B -q -ntp -Dlauncher -Dbuild.folder="$folder" -pl parallel-strategy/cli -am package
    if [ -n "${TORNADOVM_HOME:-}" ]; then
        for jar in "$TORNADOVM_HOME"/share/java/tornado/tornado-api-*.jar; do
            if [ -f "$jar" ]; then
                version=${jar##*/tornado-api-}
                set -- "$@" -Dtornadovm.version="${version%.jar}"
            fi
        done
    fi
    if ! (cd -- "$root" && JAVA_HOME=$java_home && export JAVA_HOME && sh ./mvnw "$@") >"$home/build.log" 2>&1; then
        tail -n 40 "$home/build.log" >&2
        fail "the build failed; the whole log is in $home/build.log"
    fi
    # Moved, not overwritten: a running command keeps reading its own jars.
    app=$home/$generation
    previous=$(cat "$home/current" 2>/dev/null) || previous=
    {
        mkdir "$app" \
            && mv "$target/lib" "$app/lib" \
            && mv "$target"/ma-cli-*.jar "$app/ma.jar" \
            && mv "$home/built-for" "$app/built-for" \
            && printf '%s\n' "$generation" >"$home/current.new" \
            && mv "$home/current.new" "$home/current"
    } || fail "cannot write to $home"
    for old in "$home"/app-*; do
        case ${old##*/} in
            "$generation" | "$previous") ;;
            *) rm -rf "$old" ;;
        esac
    done
}

# Sets value to that of option --$1 among the other arguments, or to nothing if it is not there.
option() {
    name=--$1
    value=
    shift
    while [ $# -gt 0 ]; do
        case $1 in
            "$name") [ $# -gt 1 ] && value=$2 && return ;;
            "$name"=*) value=${1#*=} && return ;;
        esac
        shift
    done
}

# Has the JVM at $java_home write an archive of the classes that it starts with, as they are in memory. Once for a build and
# a JDK, by the process that makes the folder. Without one everything runs as well, and starts more slowly, so that nothing
# is said where it cannot be made. The JVM itself leaves one alone that is not of these very jars and this very JDK.
make_archive() {
    if ! mkdir -p "$app/start" || ! mkdir "$archive"; then
        return
    fi 2>/dev/null
    trap 'rm -rf "$archive"; exit 130' INT
    trap 'rm -rf "$archive"; exit 143' TERM
    if rehearse Rehearsal -XX:DumpLoadedClassList="$archive/list" \
        && rehearse Rehearsal -Xshare:dump -XX:SharedClassListFile="$archive/list" -XX:SharedArchiveFile="$archive/new" \
        && rehearse 'Main --version' -Xshare:on -XX:SharedArchiveFile="$archive/new"; then
        # Not where times come out rounded: it would be made for every command.
        touch -r "$app/ma.jar" "$archive/new" && is_of_one_time "$archive/new" "$app/ma.jar" \
            && mv "$archive/new" "$archive/classes"
    fi </dev/null >/dev/null 2>&1
    rm -f "$archive/list" "$archive/new"
    trap - INT TERM
}

# Runs the JVM on class and arguments $1 with further options, and little compilation: none of it takes long.
rehearse() {
    main=$1
    shift
    # shellcheck disable=SC2086 # Several words.
    "$java_home/bin/java" -XX:+UseParallelGC -XX:TieredStopAtLevel=1 $java_options "$@" -cp "$app/ma.jar" io.maseparation.parallel.cli.$main
}

# Sets archive to the folder of the one for build $app and the JDK at $java_home; to nothing where there can be none.
find_archive() {
    archive=
    # What has an effect on archives, or may have, is the user's to choose.
    case "${MA_JAVA_OPTS:-} ${JAVA_TOOL_OPTIONS:-} ${JDK_JAVA_OPTIONS:-} ${_JAVA_OPTIONS:-}" in
        *AOT* | *Shared* | *-Xshare* | *@*) return ;;
    esac
    case $java_build in
        '' | */*) return ;;
    esac
    archive=$app/start/$java_build
    # Files that were copied without their times are others to the JVM.
    [ ! -f "$archive/classes" ] || is_of_one_time "$archive/classes" "$app/ma.jar" || rm -rf "$archive" 2>/dev/null
    # Ranks do not wait for it.
    [ -d "$archive" ] || [ -n "${OMPI_COMM_WORLD_RANK:-}${PMIX_RANK:-}" ] || make_archive
    { [ -f "$archive/classes" ] && is_of_one_time "$archive/classes" "$app/ma.jar"; } || archive=
}

# Whether two files were last changed at the same time.
is_of_one_time() {
    # shellcheck disable=SC3013 # All shells have it, and POSIX since 2024.
    [ ! "$1" -nt "$2" ] && [ ! "$1" -ot "$2" ]
}

# Makes the folder $1, which must not be there, from the build at $app.
package() {
    folder=
    with_java=no
    with_sdk=no
    for argument in "$@"; do
        case $argument in
            --with-java) with_java=yes ;;
            --with-sdk) with_sdk=yes ;;
            -*) fail "package has no option $argument: ma package FOLDER [--with-java] [--with-sdk]" ;;
            *)
                [ -z "$folder" ] || fail "package makes one folder: ma package FOLDER [--with-java] [--with-sdk]"
                folder=$argument
                ;;
        esac
    done
    [ -n "$folder" ] || fail "package needs a folder to make: ma package FOLDER [--with-java] [--with-sdk]"
    if [ -e "$folder" ] || [ -h "$folder" ]; then
        fail "$folder is there already: package makes a new folder"
    fi
    [ "$with_sdk" = no ] || [ -n "${TORNADOVM_HOME:-}" ] || fail "--with-sdk needs TORNADOVM_HOME: the SDK to copy"
    [ "$with_java" = no ] || [ -x "$java_home/bin/jlink" ] || fail "--with-java needs a JDK with jlink; $java_home has none"
    # Made aside and moved, so that there is a whole folder or none.
    made=$folder.new$$
    mkdir -p "$made/config" || fail "cannot make $folder"
    trap 'rm -rf "$made"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    {
        cp -R "$app" "$made/app" \
            && rm -rf "$made/app/start" \
            && cp "$root/ma" "$root/LICENSE" "$root/NOTICE" "$made/" \
            && cp "$root/config/tornadovm-arguments" "$made/config/"
    } || fail "cannot write to $folder"
    if [ "$with_java" = yes ]; then
        "$java_home/bin/jlink" --add-modules "$java_modules" --strip-debug --no-header-files --no-man-pages \
            --output "$made/java" >"$made/jlink.log" 2>&1 \
            || fail "jlink of $java_home failed: $(grep -v '^WARNING' "$made/jlink.log" | head -n 1)"
        rm -f "$made/jlink.log"
    fi
    if [ "$with_sdk" = yes ]; then
        cp -RL "$TORNADOVM_HOME" "$made/tornadovm" || fail "cannot copy $TORNADOVM_HOME to $folder"
    fi
    mv "$made" "$folder" || fail "cannot make $folder"
    trap - EXIT INT TERM
    if [ -z "${TORNADOVM_HOME:-}" ]; then
        root=$(CDPATH='' cd -- "$folder" && pwd -P)
        [ "$with_java" = no ] || java_home=$root/java
        is_java_25 "$java_home"
        app=$root/app
        find_archive
    fi
    printf 'ma: %s\n' "$folder runs by itself: $folder/ma devices" >&2
}

# Whether a command line needs no device. Such a one runs with an SDK on machines that have no driver for it.
needs_no_device() {
    case ${1:-} in
        '' | help | plan | simulate | reproduce | policies | -h | --help | --version) return 0 ;;
    esac
    for argument in "$@"; do
        case $argument in
            -h | --help) return 0 ;;
        esac
    done
    return 1
}

# Prints how many bytes TornadoVM may take of a device: what was asked for, or nine tenths of the smallest GPU, or half of
# this machine's memory, of which each of its processes has a share. What is no amount of memory is left to the command to refuse.
device_memory() {
    option device-memory "$@"
    bytes=$(printf '%s\n' "$value" | tr '[:upper:]' '[:lower:]' \
        | sed -n -E 's/^ *([0-9]+(\.[0-9]+)?) *([kmgt]?(i?b)?) *$/\1 \3/p' \
        | awk '{
            base = $2 ~ /^[kmgt]b$/ ? 1000 : 1024
            printf "%.0f", $1 * base ^ index("kmgt", substr($2 " ", 1, 1))
        }')
    if [ "${bytes:-0}" -gt 0 ]; then
        printf '%s\n' "$bytes"
        return
    fi
    mib=$(nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits 2>/dev/null | sort -n | head -n 1)
    case $mib in
        '' | *[!0-9]*)
            mib=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null || echo 8388608) / 2048))
            option transport "$@"
            [ "$value" != mpi ] || mib=$((mib / ${OMPI_COMM_WORLD_LOCAL_SIZE:-1}))
            ;;
        # Processes that share a GPU hold what they need against what is free, before anything is allocated.
        *) mib=$((mib * 9 / 10)) ;;
    esac
    printf '%sMB\n' "$mib"
}

# Lets a rank that mpirun bound to a core, as it does where nobody asked for something else and there are one or two, use
# all that mpirun itself may use: the JVM's compilers, its collector and a device's threads have use for more than one.
# MA_BIND=keep leaves ranks where they are.
unbind() {
    option transport "$@"
    [ "$value" = mpi ] && [ -n "${OMPI_COMM_WORLD_LOCAL_SIZE:-}" ] || return 0
    asked=${OMPI_MCA_hwloc_base_binding_policy:-}${PRTE_MCA_hwloc_default_binding_policy:-}${OMPI_MCA_rmaps_rank_file_path:-}
    [ -z "$asked" ] && [ "${MA_BIND:-}" != keep ] || return 0
    # A core has up to two hardware threads. Not nproc, which heeds OMP_NUM_THREADS.
    own=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$$/status" 2>/dev/null | tr ',' '\n' \
        | awk -F- '{ n += NF == 2 ? $2 - $1 + 1 : 1 } END { print n + 0 }')
    [ "$own" -ge 1 ] && [ "$own" -le 2 ] || return 0
    cores=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$PPID/status" 2>/dev/null)
    [ -z "$cores" ] || taskset -cp "$cores" $$ >/dev/null 2>&1 || :
}

real_path "$0"
parent_of "$path"
root=$(CDPATH='' cd -- "$parent" && pwd -P) || fail "cannot tell where $0 is"
option backend "$@"
backend=$value
packaged=no
if [ -f "$root/app/built-for" ]; then
    packaged=yes
    if [ -z "${TORNADOVM_HOME:-}" ] && [ "$backend" != embedded ] && [ -d "$root/tornadovm" ]; then
        TORNADOVM_HOME=$root/tornadovm
        export TORNADOVM_HOME
    fi
    if [ -z "${MA_JAVA_HOME:-}" ] && [ -d "$root/java" ]; then
        MA_JAVA_HOME=$root/java
    fi
fi
case $backend in
    embedded) unset TORNADOVM_HOME ;;
    tornado | cuda | ptx | opencl)
        [ -n "${TORNADOVM_HOME:-}" ] \
            || fail "--backend $backend needs TornadoVM's SDK 5.2 for JDK 25: install it and set TORNADOVM_HOME to its folder"
        ;;
esac
find_java
folder=target/ma
[ -z "${TORNADOVM_HOME:-}" ] || folder=target/ma-tornadovm
home=$root/$folder
if [ "$packaged" = yes ]; then
    app=$root/app
    IFS= read -r built_for <"$app/built-for"
    if [ "$built_for" = embedded ]; then
        [ -z "${TORNADOVM_HOME:-}" ] \
            || fail "$root was packaged without TornadoVM: unset TORNADOVM_HOME, or package it again with it set"
    elif [ "$backend" = embedded ]; then
        fail "$root was packaged for TornadoVM and has no embedded runtime: package one with TORNADOVM_HOME unset"
    elif [ -z "${TORNADOVM_HOME:-}" ]; then
        fail "$root was packaged for TornadoVM: set TORNADOVM_HOME to the folder of its SDK 5.2 for JDK 25"
    fi
    home=$root/run
    mkdir -p "$home" 2>/dev/null && [ -w "$home" ] || home=${TMPDIR:-/tmp}/ma-$(id -u)
fi
command=${1:-}
if [ "$command" = package ]; then
    [ "$packaged" = no ] || fail "$root is a package itself: copy it"
    is_built || build
    shift
    package "$@"
    exit
fi
# Prints what config/tornadovm-arguments prints for the backend that was asked for, or for all.
tornadovm_arguments() {
    case $backend in
        cuda | ptx | opencl) sh "$root/config/tornadovm-arguments" --backend "$backend" "$home" ;;
        *) sh "$root/config/tornadovm-arguments" "$home" ;;
    esac
}

has_devices=no
if [ -n "${TORNADOVM_HOME:-}" ]; then
    has_devices=yes
    # Before a build, which would be for nothing.
    if needs_no_device "$@"; then
        tornadovm=$(tornadovm_arguments 2>/dev/null)
        case $? in
            0) ;;
            "$NO_BACKEND") has_devices=no ;;
            # Once more, for what it has to say.
            *) tornadovm_arguments >/dev/null || exit 1 ;;
        esac
    else
        tornadovm=$(tornadovm_arguments) || exit 1
    fi
fi
if [ "$has_devices" = yes ]; then
    arguments=$(printf '%s\n' "$tornadovm" | head -n 1)
    LD_LIBRARY_PATH=$(printf '%s\n' "$tornadovm" | tail -n +2)
    export LD_LIBRARY_PATH
fi
[ "$packaged" = yes ] || is_built || build

# Where there is no standard input at all, the first file that the JVM opens would be taken for it.
(: 3<&0) 2>/dev/null || exec </dev/null

# File names and prompts are UTF-8 also where no locale is set, as in containers.
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
    *UTF-8* | *utf8* | *UTF8* | *utf-8*) ;;
    *)
        LC_ALL=C.UTF-8
        export LC_ALL
        ;;
esac

unbind "$@"
memory=
jars=$app/ma.jar
if [ "$has_devices" = yes ]; then
    memory=$(device_memory "$@")
elif [ -n "${TORNADOVM_HOME:-}" ]; then
    for jar in "$TORNADOVM_HOME"/share/java/tornado/tornado-api-*.jar; do
        jars=$jars:$jar
    done
fi
# Columns of the terminal, if results go to one.
columns=${COLUMNS:-}
if [ -z "$columns" ] && [ -t 1 ]; then
    columns=$(stty size <&1 2>/dev/null) || columns=
    columns=${columns#* }
fi
case $columns in
    '' | *[!0-9]* | ??????*) columns=0 ;;
esac
kernels=
for argument in "$@"; do
    [ "$argument" != --print-kernel ] || kernels=-Dtornado.printKernel=True
done
# What the JVM has to say goes to standard error: standard output is for results. Of archives that it cannot use it need
# not speak.
# shellcheck disable=SC2086 # MA_JAVA_OPTS is several options.
set -- $java_options -Xlog:disable '-Xlog:all=warning,aot*=off,cds*=off:stderr' -Dma.columns="$columns" \
    ${MA_JAVA_OPTS:-} -cp "$jars" io.maseparation.parallel.cli.Main "$@"
if [ "$has_devices" = yes ]; then
    # PoCL's compiler deletes its own files when it sees one of the signals that the JVM works with; libjsig keeps them from it.
    case ${arguments##*/sdk-} in
        *opencl*)
            # A list that spaces and colons separate: there is no way to name such a file in it.
            case $java_home in
                *[[:space:]:]*) ;;
                *)
                    if [ -e "$java_home/lib/libjsig.so" ]; then
                        LD_PRELOAD=$java_home/lib/libjsig.so${LD_PRELOAD:+:$LD_PRELOAD}
                        export LD_PRELOAD
                    fi
                    ;;
            esac
            ;;
    esac
    # Its argument file chooses the garbage collector. Without bailout=False a failed kernel runs as sequential Java.
    # shellcheck disable=SC2086 # Empty unless asked for.
    exec "$java_home/bin/java" "@$arguments" -Dtornado.recover.bailout=False -Dtornado.tvm.maxbytecodesize=262144 \
        -Dtornado.device.memory="$memory" -Dma.sharedOutput=true $kernels "$@"
fi
case " ${MA_JAVA_OPTS:-} " in
    *" -XX:+Use"*"GC "*) ;;
    *) set -- -XX:+UseParallelGC "$@" ;;
esac
archive=
[ -n "${TORNADOVM_HOME:-}" ] || find_archive
[ -z "$archive" ] || set -- -XX:SharedArchiveFile="$archive/classes" "$@"
exec "$java_home/bin/java" "$@"
