// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "sim_tasks.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>

#include "test.h"

enum { TASKS_MAX = 16, LOCK_ONE_IN = 6, UNLOCK_ONE_IN = 24, SPURIOUS_ONE_IN = 64, STEP_NS = 300 };

enum state { READY, WAITING, ENDED };

struct task {
    const char *name;
    void (*body)(void *);
    void *argument;
    pthread_t thread;
    pthread_cond_t turn;
    enum state state;
    const void *on;    /* WAITING: for a wake of this */
    uint64_t until_ns; /* or for this time; UINT64_MAX: never */
    bool woken;        /* not by the time */
};

/* Programs take far less than a second of their time, and begin at the first. */
static const uint64_t LONGEST_NS = 6000000000u;
/* And far fewer switches: who needs more goes round in a circle. */
static const uint64_t MOST_SWITCHES = 500000;

static struct {
    pthread_mutex_t baton;
    pthread_cond_t ended;
    struct task tasks[TASKS_MAX];
    unsigned count, left;
    struct task *running;
    struct test_random random;
    uint64_t now_ns;
    uint64_t switches;
} all = {.baton = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static _Thread_local struct task *me;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __real_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);
int __real_pthread_cond_signal(pthread_cond_t *condition);
int __real_pthread_cond_broadcast(pthread_cond_t *condition);
int __real_sem_wait(sem_t *semaphore);
int __real_sem_post(sem_t *semaphore);
int __real_sched_yield(void);
int __real_clock_gettime(clockid_t clock, struct timespec *now);

/* ---- whose turn it is -------------------------------------------------------------------------------------------- */

static _Noreturn void fail_hanging(const char *what) {
    static char text[1000];
    size_t used = 0;
    for (unsigned i = 0; i < all.count; i++) {
        const struct task *task = &all.tasks[i];
        if (task->state == WAITING && task->until_ns == UINT64_MAX && used < sizeof text) {
            used += (size_t)snprintf(text + used, sizeof text - used, " %s", task->name);
        }
    }
    me = NULL; /* the baton is held: what the report locks must not switch */
    test_fail(__FILE__, __LINE__, "%s:%s", what, text);
}

/* A task that is ready, by chance; if there is none, the one that sleeps the shortest, and time passes. */
static struct task *choose(void) {
    struct task *ready[TASKS_MAX];
    unsigned count = 0;
    struct task *sleeper = NULL;
    for (unsigned i = 0; i < all.count; i++) {
        struct task *task = &all.tasks[i];
        if (task->state == WAITING && task->until_ns <= all.now_ns) {
            task->state = READY;
        }
        if (task->state == READY) {
            ready[count++] = task;
        } else if (task->state == WAITING && task->until_ns != UINT64_MAX &&
                   (sleeper == NULL || task->until_ns < sleeper->until_ns)) {
            sleeper = task;
        }
    }
    if (count > 0) {
        return ready[test_random_below(&all.random, count)];
    }
    if (sleeper == NULL) {
        fail_hanging("all wait and nobody can wake them");
    }
    all.now_ns = sleeper->until_ns;
    if (all.now_ns > LONGEST_NS) {
        fail_hanging("seconds have gone by on the clock of the tasks, and still wait");
    }
    sleeper->state = READY;
    return sleeper;
}

/* With the baton held: gives the turn to another, and returns when it is this task's again. */
static void switch_task(void) {
    struct task *self = me;
    if (++all.switches > MOST_SWITCHES) {
        fail_hanging("the tasks switch again and again, and do not end; and still wait");
    }
    all.now_ns += test_random_below(&all.random, STEP_NS);
    struct task *next = choose();
    if (next == self) {
        return;
    }
    all.running = next;
    __real_pthread_cond_signal(&next->turn);
    while (all.running != self) {
        __real_pthread_cond_wait(&self->turn, &all.baton);
    }
}

static void hold_baton(void) {
    __real_pthread_mutex_lock(&all.baton);
}

static void let_baton(void) {
    __real_pthread_mutex_unlock(&all.baton);
}

void sim_task_yield(void) {
    hold_baton();
    switch_task();
    let_baton();
}

static void yield_one_in(uint64_t n) {
    if (test_random_one_in(&all.random, n)) {
        sim_task_yield();
    }
}

/* True: woken, false: the time came. */
static bool wait_on(const void *on, uint64_t until_ns) {
    hold_baton();
    me->state = WAITING;
    me->on = on;
    me->until_ns = until_ns;
    me->woken = false;
    switch_task();
    bool woken = me->woken;
    let_baton();
    return woken;
}

static void wake_on(const void *on, bool all_of_them) {
    unsigned count = 0;
    struct task *waiting[TASKS_MAX];
    for (unsigned i = 0; i < all.count; i++) {
        struct task *task = &all.tasks[i];
        if (task->state == WAITING && task->on == on) {
            waiting[count++] = task;
        }
    }
    if (count > 0 && !all_of_them) {
        waiting[0] = waiting[test_random_below(&all.random, count)];
        count = 1;
    }
    for (unsigned i = 0; i < count; i++) {
        waiting[i]->state = READY;
        waiting[i]->woken = true;
    }
}

/* ---- a disk's ---------------------------------------------------------------------------------------------------- */

static bool is_task(void) {
    return me != NULL;
}

static uint64_t now_ns(void) {
    return all.now_ns;
}

static void sleep_until(uint64_t ns) {
    (void)wait_on(&me->until_ns, ns);
}

static void wait_for_wake(const uint64_t *counter, uint64_t seen, uint64_t until_ns) {
    if (*counter == seen) {
        (void)wait_on(counter, until_ns);
    }
}

static void wake_all(const void *on) {
    wake_on(on, true);
}

const struct sim_tasks_ops sim_tasks = {
    .is_task = is_task,
    .now_ns = now_ns,
    .sleep_until = sleep_until,
    .wait = wait_for_wake,
    .wake = wake_all,
};

/* ---- in place of the system's ------------------------------------------------------------------------------------ */

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_pthread_cond_broadcast(pthread_cond_t *condition);
int __wrap_sem_wait(sem_t *semaphore);
int __wrap_sem_post(sem_t *semaphore);
int __wrap_sched_yield(void);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) {
    if (me == NULL) {
        return __real_pthread_mutex_lock(mutex);
    }
    yield_one_in(LOCK_ONE_IN);
    int rc;
    while ((rc = pthread_mutex_trylock(mutex)) == EBUSY) {
        (void)wait_on(mutex, UINT64_MAX);
    }
    return rc;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex) {
    int rc = __real_pthread_mutex_unlock(mutex);
    if (me != NULL) {
        wake_on(mutex, true);
        yield_one_in(UNLOCK_ONE_IN);
    }
    return rc;
}

static int wait_condition(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t until_ns) {
    __real_pthread_mutex_unlock(mutex); /* and waits, without another in between */
    wake_on(mutex, true);
    bool woken = true;
    if (test_random_one_in(&all.random, SPURIOUS_ONE_IN)) {
        sim_task_yield();
    } else {
        woken = wait_on(condition, until_ns);
    }
    while (pthread_mutex_trylock(mutex) == EBUSY) {
        (void)wait_on(mutex, UINT64_MAX);
    }
    return woken ? 0 : ETIMEDOUT;
}

int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    return me == NULL ? __real_pthread_cond_wait(condition, mutex) : wait_condition(condition, mutex, UINT64_MAX);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
    if (me == NULL) {
        return __real_pthread_cond_timedwait(condition, mutex, until);
    }
    return wait_condition(condition, mutex, (uint64_t)until->tv_sec * 1000000000u + (uint64_t)until->tv_nsec);
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition) {
    if (me != NULL) {
        wake_on(condition, false);
    }
    return __real_pthread_cond_signal(condition);
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *condition) {
    if (me != NULL) {
        wake_on(condition, true);
    }
    return __real_pthread_cond_broadcast(condition);
}

int __wrap_sem_wait(sem_t *semaphore) {
    if (me == NULL) {
        return __real_sem_wait(semaphore);
    }
    yield_one_in(LOCK_ONE_IN);
    while (sem_trywait(semaphore) != 0) {
        (void)wait_on(semaphore, UINT64_MAX);
    }
    return 0;
}

/* The semaphore may be gone as soon as it is posted: only its address is used then. */
int __wrap_sem_post(sem_t *semaphore) {
    int rc = __real_sem_post(semaphore);
    if (me != NULL) {
        wake_on(semaphore, true);
    }
    return rc;
}

int __wrap_sched_yield(void) {
    if (me == NULL) {
        return __real_sched_yield();
    }
    sim_task_yield();
    return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now) {
    if (me == NULL) {
        return __real_clock_gettime(clock, now);
    }
    now->tv_sec = (time_t)(all.now_ns / 1000000000u);
    now->tv_nsec = (long)(all.now_ns % 1000000000u);
    return 0;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

void sim_tasks_add(const char *name, void (*body)(void *), void *argument) {
    CHECK(all.count < TASKS_MAX);
    struct task *task = &all.tasks[all.count++];
    *task = (struct task){.name = name, .body = body, .argument = argument, .until_ns = UINT64_MAX};
    CHECK_EQ(pthread_cond_init(&task->turn, NULL), 0);
}

static void *run_task(void *argument) {
    struct task *task = argument;
    hold_baton();
    while (all.running != task) {
        __real_pthread_cond_wait(&task->turn, &all.baton);
    }
    let_baton();
    me = task;
    task->body(task->argument);
    me = NULL;
    hold_baton();
    task->state = ENDED;
    if (--all.left == 0) {
        all.running = NULL;
        __real_pthread_cond_signal(&all.ended);
    } else {
        all.running = choose();
        __real_pthread_cond_signal(&all.running->turn);
    }
    let_baton();
    return NULL;
}

void sim_tasks_run(uint64_t seed) {
    CHECK(me == NULL && all.running == NULL && all.count > 0);
    all.random = test_random_of(seed);
    all.now_ns = 1000000000;
    all.switches = 0;
    all.left = all.count;
    for (unsigned i = 0; i < all.count; i++) {
        all.tasks[i].thread = test_thread(run_task, &all.tasks[i]);
    }
    hold_baton();
    all.running = choose();
    __real_pthread_cond_signal(&all.running->turn);
    while (all.left > 0) {
        __real_pthread_cond_wait(&all.ended, &all.baton);
    }
    let_baton();
    for (unsigned i = 0; i < all.count; i++) {
        test_join(all.tasks[i].thread);
        CHECK_EQ(pthread_cond_destroy(&all.tasks[i].turn), 0);
    }
    all.count = 0;
}
