/* kafka_property.h - asks librdkafka whether it takes a property: one of the configuration, or one that only some versions have.
 *
 * config/ does not link with librdkafka; config_check_properties_with(kafka_property_check), once before
 * the configuration is read, lets it tell such problems with their place.
 * Thread: any.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

bool kafka_property_check(const char *name, const char *value, char *why, size_t why_size);
