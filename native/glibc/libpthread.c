// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Stands for the libpthread.so.0 of glibc 2.28 when libwritethrough.so is linked. From 2.34 on these functions are in
 * libc.so.6 with newer versions, which a library linked against them would need. Every later glibc still has them as they
 * are named here. It has no code: nothing loads it.
 */
#define FUNCTION(name) __asm__(".globl " #name "\n.type " #name ", %function\n" #name ":\n")

FUNCTION(pthread_condattr_setclock);
FUNCTION(pthread_create);
FUNCTION(pthread_join);
FUNCTION(pthread_key_create);
FUNCTION(pthread_key_delete);
FUNCTION(pthread_mutex_trylock);
FUNCTION(pthread_setname_np);
FUNCTION(pthread_setspecific);
FUNCTION(pthread_sigmask);
FUNCTION(sem_destroy);
FUNCTION(sem_init);
FUNCTION(sem_post);
FUNCTION(sem_timedwait);
FUNCTION(sem_trywait);
FUNCTION(sem_wait);
