/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transports/ble-params.h"

#include <bluetooth/bluetooth.h>
#include <string.h>

#define LOAD_CONN_PARAM	 0x0035
#define COMMAND_COMPLETE 0x0001
#define COMMAND_STATUS	 0x0002
#define NEW_CONN_PARAM	 0x001c

#define HEADER	   6  /* code, index, length */
#define PARAM_SIZE 15 /* address, type, four numbers */

#define LE_PUBLIC 1
#define LE_RANDOM 2

#define GROUP "ConnectionParameters"

static void put(GByteArray *bytes, guint16 value)
{
	guint16 little = GUINT16_TO_LE(value);

	g_byte_array_append(bytes, (const guint8 *)&little, sizeof(little));
}

static guint16 get(const guint8 *data)
{
	return (guint16)(data[0] | data[1] << 8);
}

static void put_params(GByteArray *bytes, const SmpBleParams *params)
{
	guint8 type = params->random ? LE_RANDOM : LE_PUBLIC;
	bdaddr_t address = {0};

	str2ba(params->address, &address);
	g_byte_array_append(bytes, address.b, sizeof(address.b));
	g_byte_array_append(bytes, &type, 1);
	put(bytes, params->min);
	put(bytes, params->max);
	put(bytes, params->latency);
	put(bytes, params->timeout);
}

GByteArray *smp_ble_params_encode(guint16 index, const SmpBleParams *list, guint n)
{
	GByteArray *bytes = g_byte_array_new();

	n = MIN(n, SMP_BLE_PARAMS_MOST);
	put(bytes, LOAD_CONN_PARAM);
	put(bytes, index);
	put(bytes, (guint16)(2 + n * PARAM_SIZE));
	put(bytes, (guint16)n);
	for (guint i = 0; i < n; i++)
		put_params(bytes, &list[i]);
	return bytes;
}

static gboolean is_event(const guint8 *event, gsize size, guint16 code, guint16 index,
			 gsize parameters)
{
	return size >= HEADER + parameters && get(event) == code && get(event + 2) == index &&
	       get(event + 4) >= parameters;
}

/* BlueZ lib/mgmt.h and the kernel have the hint whether to store it behind the address; the
 * document has it in front. */
gboolean smp_ble_params_decode(const guint8 *event, gsize size, guint16 index, SmpBleParams *params)
{
	const guint8 *at = event + HEADER;
	bdaddr_t address;

	if (!is_event(event, size, NEW_CONN_PARAM, index, 1 + PARAM_SIZE))
		return FALSE;
	memcpy(address.b, at, sizeof(address.b));
	*params = (SmpBleParams){
		.random = at[6] == LE_RANDOM,
		.min = get(at + 8),
		.max = get(at + 10),
		.latency = get(at + 12),
		.timeout = get(at + 14),
	};
	ba2str(&address, params->address);
	return TRUE;
}

gboolean smp_ble_params_is_answer(const guint8 *event, gsize size, guint16 index, guint8 *status)
{
	if ((!is_event(event, size, COMMAND_COMPLETE, index, 3) &&
	     !is_event(event, size, COMMAND_STATUS, index, 3)) ||
	    get(event + HEADER) != LOAD_CONN_PARAM)
		return FALSE;
	*status = event[HEADER + 2];
	return TRUE;
}

static gboolean get_number(GKeyFile *file, const char *key, guint16 *number)
{
	int value = g_key_file_get_integer(file, GROUP, key, NULL);

	*number = (guint16)value;
	return value >= 0 && value <= G_MAXUINT16;
}

/* BlueZ src/adapter.c get_conn_param(), get_le_addr_type(). */
static gboolean read_params(const char *folder, const char *name, SmpBleParams *params)
{
	g_autofree char *path = g_build_filename(folder, name, "info", NULL);
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autofree char *type = NULL;

	if (bachk(name) < 0 || !g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL) ||
	    !g_key_file_has_group(file, GROUP))
		return FALSE;
	type = g_key_file_get_string(file, "General", "AddressType", NULL);
	params->random = g_strcmp0(type, "static") == 0;
	g_strlcpy(params->address, name, sizeof(params->address));
	return get_number(file, "MinInterval", &params->min) &&
	       get_number(file, "MaxInterval", &params->max) &&
	       get_number(file, "Latency", &params->latency) &&
	       get_number(file, "Timeout", &params->timeout);
}

GArray *smp_ble_params_remembered(const char *folder)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(SmpBleParams));
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name = NULL;

	while (dir && (name = g_dir_read_name(dir))) {
		SmpBleParams params = {0};

		if (read_params(folder, name, &params))
			g_array_append_val(list, params);
	}
	return list;
}

char *smp_ble_params_interval(const SmpBleParams *params)
{
	double min = params->min * 1.25, max = params->max * 1.25;

	return params->min == params->max ? g_strdup_printf("%g ms", min)
					  : g_strdup_printf("%g to %g ms", min, max);
}
