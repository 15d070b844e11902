// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.inside;

import java.lang.instrument.ClassFileTransformer;
import java.security.ProtectionDomain;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/**
 * Rewrites the classes of {@code java.io} that open files by their paths. A method gets a head:
 *
 * <pre>{@code
 * if (channel instanceof CarriedChannel) {
 *     return ((CarriedChannel) channel).readBytes(bytes, offset, length);
 * }
 * }</pre>
 *
 * <p>So a file that is not carried pays for a field and a comparison. HotSpot lets a class lose the modifier native of a method
 * when it is redefined, and that alone: in this way a public native method gets a head too. Its old work is done by another
 * native method of the JDK.
 *
 * <p>This stays registered, as other agents and the flight recorder may have the same classes redefined again.
 */
final class Rewriter implements ClassFileTransformer {
    private final Set<String> classes;
    private final Set<String> rewritten = ConcurrentHashMap.newKeySet();
    private final Map<String, Throwable> failures = new ConcurrentHashMap<>();

    /** @param reports whether what passes by is told of */
    Rewriter(final boolean reports) {
        classes = new HashSet<>(Rewrites.CLASSES);
        if (reports) {
            classes.add(Rewrites.CHANNEL);
        }
    }

    /** Throws if a class was not rewritten. */
    void requireAll() {
        final Map<String, Object> missing = new TreeMap<>();
        for (final String name : classes) {
            if (!rewritten.contains(name)) {
                missing.put(name, failures.getOrDefault(name, new IllegalStateException("the JVM has not asked")));
            }
        }
        if (!missing.isEmpty()) {
            final IllegalStateException e = new IllegalStateException(
                    "the agent cannot carry the files of this JVM, " + Runtime.version() + ": " + missing);
            failures.values().forEach(e::addSuppressed);
            throw e;
        }
    }

    @Override
    public byte @Nullable [] transform(
            final @Nullable ClassLoader loader,
            final @Nullable String name,
            final @Nullable Class<?> redefined,
            final @Nullable ProtectionDomain domain,
            final byte[] classFile) {
        if (loader != null || name == null || !classes.contains(name)) {
            return null;
        }
        try {
            final byte[] bytes = rewrite(new ClassReader(classFile));
            rewritten.add(name);
            return bytes;
        } catch (final RuntimeException | Error e) { // the JVM would not tell
            failures.put(name, e);
            return null;
        }
    }

    static byte[] rewrite(final ClassReader reader) {
        final Set<String> holes =
                reader.getClassName().equals(Rewrites.CHANNEL) ? Set.of() : new Coverage(reader).holes();
        if (!holes.isEmpty()) {
            throw new IllegalStateException(reader.getClassName() + " has methods the agent does not know: " + holes);
        }
        final ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        reader.accept(new Methods(reader.getClassName(), writer), 0);
        return writer.toByteArray();
    }

    private static final class Methods extends ClassVisitor {
        private final String owner;

        Methods(final String owner, final ClassWriter writer) {
            super(Opcodes.ASM9, writer);
            this.owner = owner;
        }

        @Override
        public @Nullable MethodVisitor visitMethod(
                final int access,
                final String name,
                final String descriptor,
                final @Nullable String signature,
                final String @Nullable [] exceptions) {
            final String method = name + descriptor;
            final boolean isNative = (access & Opcodes.ACC_NATIVE) != 0;
            final boolean isCovered = Rewrites.covers(owner, method);
            final int newAccess = isCovered ? access & ~Opcodes.ACC_NATIVE : access;
            final MethodVisitor writer = super.visitMethod(newAccess, name, descriptor, signature, exceptions);
            if (!isCovered && !Rewrites.shares(owner, method) && !Rewrites.forces(owner, method)) {
                return writer;
            }
            final Body body = new Body(writer, owner, name, descriptor);
            if (!isNative) {
                return body;
            }
            body.visitCode();
            body.callOfJdk();
            body.visitMaxs(0, 0);
            body.visitEnd();
            return null;
        }
    }

    private static final class Body extends MethodVisitor {
        private final String owner;
        private final String name;
        private final String descriptor;
        private final String method;

        Body(final MethodVisitor writer, final String owner, final String name, final String descriptor) {
            super(Opcodes.ASM9, writer);
            this.owner = owner;
            this.name = name;
            this.descriptor = descriptor;
            this.method = name + descriptor;
        }

        @Override
        public void visitCode() {
            super.visitCode();
            final String stream = Rewrites.stream(owner, method);
            if (stream != null) {
                callCarried(stream);
            } else if (Rewrites.opens(owner, method)) {
                returnIf("open");
            } else if (Rewrites.syncs(owner, method)) {
                returnIfSynced();
            } else if (Rewrites.forces(owner, method)) {
                loadField("fd", Rewrites.DESCRIPTOR);
                mv.visitMethodInsn(
                        Opcodes.INVOKESTATIC, Rewrites.HOOKS, "passed", "(" + Rewrites.DESCRIPTOR + ")V", false);
            }
        }

        private void callCarried(final String stream) {
            final Label ofJdk = new Label();
            loadField("channel", "Ljava/nio/channels/FileChannel;");
            mv.visitTypeInsn(Opcodes.INSTANCEOF, Rewrites.CARRIED);
            mv.visitJumpInsn(Opcodes.IFEQ, ofJdk);
            loadField("channel", "Ljava/nio/channels/FileChannel;");
            mv.visitTypeInsn(Opcodes.CHECKCAST, Rewrites.CARRIED);
            loadArguments();
            mv.visitMethodInsn(Opcodes.INVOKEVIRTUAL, Rewrites.CARRIED, stream, descriptor, false);
            mv.visitInsn(Type.getReturnType(descriptor).getOpcode(Opcodes.IRETURN));
            begin(ofJdk);
        }

        private void returnIf(final String hook) {
            final Label ofJdk = new Label();
            callHook(hook, "Z");
            mv.visitJumpInsn(Opcodes.IFEQ, ofJdk);
            mv.visitInsn(Opcodes.RETURN);
            begin(ofJdk);
        }

        private void returnIfSynced() {
            final Label ofJdk = new Label();
            mv.visitVarInsn(Opcodes.ALOAD, 0);
            loadField("parent", "Ljava/io/Closeable;");
            mv.visitMethodInsn(
                    Opcodes.INVOKESTATIC,
                    Rewrites.HOOKS,
                    name,
                    "(" + Rewrites.DESCRIPTOR + "Ljava/io/Closeable;)Z",
                    false);
            mv.visitJumpInsn(Opcodes.IFEQ, ofJdk);
            mv.visitInsn(Opcodes.RETURN);
            begin(ofJdk);
        }

        /* No two frames are at one place, whatever the method begins with. */
        private void begin(final Label label) {
            mv.visitLabel(label);
            mv.visitFrame(Opcodes.F_SAME, 0, null, 0, null);
            mv.visitInsn(Opcodes.NOP);
        }

        /** The body of a method that was native. */
        void callOfJdk() {
            if (Rewrites.syncs(owner, method)) {
                mv.visitVarInsn(Opcodes.ALOAD, 0);
            } else {
                loadField("fd", Rewrites.DESCRIPTOR);
            }
            loadArguments();
            mv.visitMethodInsn(
                    Opcodes.INVOKESTATIC,
                    Rewrites.HOOKS,
                    name,
                    "(" + Rewrites.DESCRIPTOR + descriptor.substring(1),
                    false);
            mv.visitInsn(Type.getReturnType(descriptor).getOpcode(Opcodes.IRETURN));
        }

        @Override
        public void visitInsn(final int opcode) {
            if (opcode == Opcodes.RETURN) {
                if (Rewrites.opens(owner, method) && Rewrites.tellsOfOpens(owner)) {
                    callHook("opened", "V");
                } else if (Rewrites.shares(owner, method)) {
                    callHook("share", "V");
                }
            }
            super.visitInsn(opcode);
        }

        private void callHook(final String hook, final String result) {
            mv.visitVarInsn(Opcodes.ALOAD, 0);
            loadArguments();
            final String arguments = descriptor.substring(1, descriptor.indexOf(')'));
            mv.visitMethodInsn(
                    Opcodes.INVOKESTATIC, Rewrites.HOOKS, hook, "(L" + owner + ";" + arguments + ")" + result, false);
        }

        private void loadField(final String field, final String type) {
            mv.visitVarInsn(Opcodes.ALOAD, 0);
            mv.visitFieldInsn(Opcodes.GETFIELD, owner, field, type);
        }

        private void loadArguments() {
            int slot = 1;
            for (final Type type : Type.getArgumentTypes(descriptor)) {
                mv.visitVarInsn(type.getOpcode(Opcodes.ILOAD), slot);
                slot += type.getSize();
            }
        }
    }
}
