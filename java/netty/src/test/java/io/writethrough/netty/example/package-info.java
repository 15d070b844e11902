// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/** A server that can be read, run and taken as a beginning: {@link io.writethrough.netty.example.DurableLogServer}. */
package io.writethrough.netty.example;
