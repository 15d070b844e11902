# SPDX-License-Identifier: Apache-2.0
# Copyright The writethrough authors
#
# Builds for aarch64 on another machine: with Debian's cross compiler, and liburing from LIBURING_ROOT, a directory that has
# Debian's package of that architecture unpacked.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES LIBURING_ROOT)
set(LIBURING_INCLUDE_DIR ${LIBURING_ROOT}/usr/include CACHE PATH "")
set(LIBURING_STATIC ${LIBURING_ROOT}/usr/lib/aarch64-linux-gnu/liburing.a CACHE FILEPATH "")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64;-L;/usr/aarch64-linux-gnu)
