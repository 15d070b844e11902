// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * How Java reaches the C core: nothing here and in the packages below is for users of the library, and all of it may change at
 * any time. Of the API these packages use the data alone: its enums, records and exceptions, and the interface of the bean.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal;

import org.jspecify.annotations.NullMarked;
