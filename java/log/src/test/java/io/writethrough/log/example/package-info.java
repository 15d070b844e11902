// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/** A store that can be read and taken as a beginning: {@link io.writethrough.log.example.KeyValueStore}. */
package io.writethrough.log.example;
