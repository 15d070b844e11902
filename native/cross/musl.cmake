# SPDX-License-Identifier: Apache-2.0
# Copyright The writethrough authors
#
# Builds for musl, on x86_64 or aarch64 (WT_MACHINE): with Debian's compiler for that machine, and musl, liburing and the headers
# of the kernel from WT_ROOT, as native/cross/musl makes it. Programs run by musl's own loader.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${WT_MACHINE})
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES WT_MACHINE WT_ROOT)
set(CMAKE_C_COMPILER ${WT_MACHINE}-linux-gnu-gcc)
set(CMAKE_C_FLAGS_INIT "-specs=${WT_ROOT}/musl.specs")
if(WT_MACHINE STREQUAL "aarch64")
    # What libgcc has instead asks glibc for the processor.
    string(APPEND CMAKE_C_FLAGS_INIT " -mno-outline-atomics")
    set(emulator qemu-aarch64)
endif()
set(LIBURING_INCLUDE_DIR ${WT_ROOT}/include CACHE PATH "")
set(LIBURING_STATIC ${WT_ROOT}/usr/lib/${WT_MACHINE}-linux-gnu/liburing.a CACHE FILEPATH "")
set(CMAKE_CROSSCOMPILING_EMULATOR ${emulator};${WT_ROOT}/usr/lib/${WT_MACHINE}-linux-musl/libc.so)
