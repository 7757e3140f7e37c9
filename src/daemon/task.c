/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Work that takes its time is done in threads; what comes of it is taken up in the main thread. */

#include "daemon/daemon.h"

/* Boards that are away cost a thread some seconds each, so many of them are asked at once; who
 * calls does not wait for all of them. */
static const int max_threads[] = {
	[SMPD_TASK_LOOK] = 64,
	[SMPD_TASK_CALL] = 64,
	[SMPD_TASK_DISK] = 4,
	[SMPD_TASK_JOB] = -1, /* the queue knows how many */
};

typedef struct {
	SmpdDaemon *daemon;
	SmpdFunc work;
	SmpdFunc done;
	gpointer data;
} Task;

static void come_back(gpointer data)
{
	g_autofree Task *task = data;

	task->daemon->working--;
	task->done(task->data);
	smpd_daemon_settle(task->daemon);
}

static void do_task(gpointer data, gpointer user_data G_GNUC_UNUSED)
{
	Task *task = data;

	task->work(task->data);
	smpd_post(come_back, task);
}

void smpd_task_run(SmpdDaemon *daemon, SmpdTaskKind kind, SmpdFunc work, SmpdFunc done,
		   gpointer data)
{
	Task *task = g_new(Task, 1);
	g_autoptr(GError) error = NULL;

	*task = (Task){.daemon = daemon, .work = work, .done = done, .data = data};
	daemon->working++;
	/* Without a thread it stays in the pool's queue until one is free. */
	if (!g_thread_pool_push(daemon->pools[kind], task, &error))
		g_warning("cannot start a thread: %s", error->message);
}

typedef struct {
	SmpdFunc func;
	gpointer data;
} Post;

static gboolean deliver(gpointer data)
{
	const Post *post = data;

	post->func(post->data);
	return G_SOURCE_REMOVE;
}

/* Not g_main_context_invoke(), which calls in the thread where nobody owns the context. */
void smpd_post(SmpdFunc func, gpointer data)
{
	Post *post = g_new(Post, 1);

	*post = (Post){.func = func, .data = data};
	g_idle_add_full(G_PRIORITY_DEFAULT, deliver, post, g_free);
}

void smpd_tasks_init(SmpdDaemon *daemon)
{
	for (guint i = 0; i < G_N_ELEMENTS(daemon->pools); i++)
		daemon->pools[i] = g_thread_pool_new(do_task, NULL, max_threads[i], FALSE, NULL);
}

void smpd_tasks_clear(SmpdDaemon *daemon)
{
	for (guint i = 0; i < G_N_ELEMENTS(daemon->pools); i++)
		g_thread_pool_free(daemon->pools[i], FALSE, TRUE);
}
