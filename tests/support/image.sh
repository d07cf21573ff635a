# SPDX-License-Identifier: MIT
# What scripts share that build one image and run it in an emulator; source it
# in the top folder.
# shellcheck shell=bash

# can_build TARGET TOOLCHAIN: or say what is missing.
can_build() {
    local missing
    missing=$(tools/firmware missing "$1" "$2" | tr '\n' ' ')
    [ -z "$missing" ] || echo "SKIPPED: an image needs $missing"
    [ -z "$missing" ]
}

# build_image DIR NAME TARGET TOOLCHAIN [OPTIONS OF CMAKE...]: DIR/NAME.elf.
build_image() {
    local dir=$1 name=$2 target=$3 toolchain=$4
    shift 4
    mkdir -p "$dir"
    if ! cmake --preset "firmware-$toolchain" -B "$dir" -DCLEAT_BOARD="$target" \
        -DCLEAT_PROFILE=small -DCLEAT_WERROR=ON "$@" >"$dir/log" 2>&1 ||
        ! cmake --build "$dir" --target "$name" >>"$dir/log" 2>&1; then
        tail -n 30 "$dir/log" >&2
        return 1
    fi
}

# run_image DIR NAME SECONDS [OPTIONS OF QEMU...]: its console here, its status.
run_image() {
    local dir=$1 name=$2 seconds=$3
    shift 3
    timeout "$seconds" qemu-system-arm -M "$(cat "$dir/machine")" -display none \
        -monitor none -no-reboot -serial stdio -semihosting-config enable=on,target=native \
        -kernel "$dir/$name.elf" "$@" </dev/null
}
