/* free_port.h - ports for servers of this test. */
#pragma once

/* A port of 127.0.0.1 on which nobody listens. To the end of the process the system gives it to nobody who asks for any:
 * a socket that is bound and does not listen sees to that. Who names the port and says SO_REUSEADDR, as servers do, may
 * listen on it, now and after a stop; until then connections are refused. */
int free_port(void);
