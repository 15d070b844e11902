// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.inside;

import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * Whether {@link Rewrites} covers a class of this JDK. A native method does I/O on the descriptor of a file; so a carried file
 * must not come to one. A private method that calls one counts as one. A method that is not private, calls one, and is not
 * rewritten, is a hole.
 */
final class Coverage {
    private final String owner;
    private final Map<String, Integer> flags = new HashMap<>();
    private final Map<String, Set<String>> calls = new HashMap<>();

    Coverage(final ClassReader reader) {
        this.owner = reader.getClassName();
        reader.accept(new Calls(), ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
    }

    private final class Calls extends ClassVisitor {
        Calls() {
            super(Opcodes.ASM9);
        }

        @Override
        public MethodVisitor visitMethod(
                final int access,
                final String name,
                final String descriptor,
                final @Nullable String signature,
                final String @Nullable [] exceptions) {
            flags.put(name + descriptor, access);
            final Set<String> called = new HashSet<>();
            calls.put(name + descriptor, called);
            return new MethodVisitor(Opcodes.ASM9) {
                @Override
                public void visitMethodInsn(
                        final int opcode,
                        final String of,
                        final String method,
                        final String methodDescriptor,
                        final boolean isInterface) {
                    if (of.equals(owner)) {
                        called.add(method + methodDescriptor);
                    }
                }
            };
        }
    }

    /** What keeps files of this class from being carried, for a person to read. */
    Set<String> holes() {
        final Set<String> holes = new TreeSet<>();
        for (final String method : Rewrites.required(owner)) {
            if (!flags.containsKey(method)) {
                holes.add("no " + method);
            }
        }
        final Set<String> toNative = nativeOnes(holes);
        while (true) {
            final int known = toNative.size();
            for (final Map.Entry<String, Set<String>> each : calls.entrySet()) {
                final String method = each.getKey();
                if (Rewrites.covers(owner, method)
                        || toNative.contains(method)
                        || Collections.disjoint(each.getValue(), toNative)) {
                    continue;
                }
                if (is(method, Opcodes.ACC_PRIVATE)) {
                    toNative.add(method);
                } else {
                    holes.add(method + " calls " + each.getValue());
                }
            }
            if (toNative.size() == known) {
                return holes;
            }
        }
    }

    private Set<String> nativeOnes(final Set<String> holes) {
        final Set<String> found = new HashSet<>();
        for (final String method : flags.keySet()) {
            if (!is(method, Opcodes.ACC_NATIVE)
                    || is(method, Opcodes.ACC_STATIC)
                    || Rewrites.isHarmless(method.substring(0, method.indexOf('(')))
                    || Rewrites.covers(owner, method)) {
                continue;
            }
            if (is(method, Opcodes.ACC_PRIVATE)) {
                found.add(method);
            } else {
                holes.add(method + " is native");
            }
        }
        return found;
    }

    private boolean is(final String method, final int flag) {
        return (flags.getOrDefault(method, 0) & flag) != 0;
    }
}
