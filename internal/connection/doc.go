// Package connection keeps EventBridge's connections, which know how to authorise calls of HTTP APIs, and API destinations, which
// name such an API. It speaks no HTTP: whoever calls an API takes the connection's parameters from here.
//
// Invariants:
//
//	N1  Secrets (passwords, values of API keys and parameters, client secrets, tokens) leave the engine through Credentials only.
//	N2  A connection is AUTHORIZED when its credentials were taken, for OAuth when its endpoint gave a token. One that was AUTHORIZING
//	    when the process ended is authorised after the start.
//	N3  Tokens are in memory only. One that ran out, that an API refused or whose connection changed is fetched anew.
//	N4  No lock is held over a sync or a call: changes are applied under mu and waited for outside.
//
// Keys, in the space Connection, all under (account, region):
//
//	("connection", name)    → Connection, with its secrets
//	("destination", name)   → Destination
package connection
