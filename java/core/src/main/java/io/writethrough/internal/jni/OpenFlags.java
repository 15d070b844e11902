// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jni;

/** WT_OPEN_* of the C ABI. */
public final class OpenFlags {
    public static final int READ = 1;
    public static final int WRITE = 2;
    public static final int CREATE = 4;
    public static final int CREATE_NEW = 8;
    public static final int TRUNCATE = 16;
    public static final int NOFOLLOW = 32;
    public static final int NAMED = 64;
    public static final int AT_FORCE = 128;
    public static final int BACKGROUND = 256;

    /** WT_RENAME_REPLACE. */
    public static final int RENAME_REPLACE = 1;

    private OpenFlags() {}
}
