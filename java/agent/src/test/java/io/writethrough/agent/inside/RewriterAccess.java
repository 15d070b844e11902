// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.inside;

import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/** Opens the rewriter to tests. */
public final class RewriterAccess {
    private RewriterAccess() {}

    /** For each class of this JVM that is rewritten, the methods that the agent does not know. */
    public static Map<String, Set<String>> holes() throws IOException {
        final Map<String, Set<String>> all = new TreeMap<>();
        for (final String name : Rewrites.CLASSES) {
            final Set<String> holes = new Coverage(new ClassReader(name)).holes();
            if (!holes.isEmpty()) {
                all.put(name, holes);
            }
        }
        return all;
    }

    /** Rewrites a RandomAccessFile that has one more method, which reads by native code. */
    public static void rewriteWithAnUnknownMethod() throws IOException {
        final String owner = "java/io/RandomAccessFile";
        final ClassReader reader = new ClassReader(owner);
        final ClassWriter writer = new ClassWriter(reader, 0);
        reader.accept(writer, 0);
        final MethodVisitor method = writer.visitMethod(Opcodes.ACC_PUBLIC, "readBackwards", "()I", null, null);
        method.visitCode();
        method.visitVarInsn(Opcodes.ALOAD, 0);
        method.visitMethodInsn(Opcodes.INVOKEVIRTUAL, owner, "read0", "()I", false);
        method.visitInsn(Opcodes.IRETURN);
        method.visitMaxs(1, 1);
        method.visitEnd();
        Rewriter.rewrite(new ClassReader(writer.toByteArray()));
    }
}
