package eventsapi

import (
	"context"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/connection"
)

// connectionOps are the operations on connections and API destinations.
func (a *api) connectionOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreateConnection", ofConnection(a, func(r *CreateConnectionRequest) string { return r.Name }), a.createConnection),
		protocol.Handle("DescribeConnection", ofConnection(a, func(r *DescribeConnectionRequest) string { return r.Name }), a.describeConnection),
		protocol.Handle("UpdateConnection", ofConnection(a, func(r *UpdateConnectionRequest) string { return r.Name }), a.updateConnection),
		protocol.Handle("DeleteConnection", ofConnection(a, func(r *DeleteConnectionRequest) string { return r.Name }), a.deleteConnection),
		protocol.Handle("DeauthorizeConnection", ofConnection(a, func(r *DeauthorizeConnectionRequest) string { return r.Name }), a.deauthorizeConnection),
		protocol.Handle("ListConnections", nil, a.listConnections),

		protocol.Handle("CreateApiDestination", ofDestination(a, func(r *CreateApiDestinationRequest) string { return r.Name }), a.createDestination),
		protocol.Handle("DescribeApiDestination", ofDestination(a, func(r *DescribeApiDestinationRequest) string { return r.Name }), a.describeDestination),
		protocol.Handle("UpdateApiDestination", ofDestination(a, func(r *UpdateApiDestinationRequest) string { return r.Name }), a.updateDestination),
		protocol.Handle("DeleteApiDestination", ofDestination(a, func(r *DeleteApiDestinationRequest) string { return r.Name }), a.deleteDestination),
		protocol.Handle("ListApiDestinations", nil, a.listDestinations),
	}
}

// ofConnection returns the ARN of a connection for the policies; that of one which does not exist yet ends with *.
func ofConnection[In any](a *api, name func(*In) string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		n := name(in)
		if x, err := a.connections.Connection(connection.Ref{Scope: c.Scope, Name: n}); err == nil {
			return []string{x.ARN()}
		}
		return []string{c.ARN("events", "connection/"+n+"/*")}
	}
}

func parameters(p *ConnectionHttpParameters) *connection.Parameters {
	if p == nil {
		return nil
	}
	one := func(k, v *string, secret *bool) connection.Parameter {
		return connection.Parameter{Key: protocol.Or(k, ""), Value: protocol.Or(v, ""), Secret: protocol.Or(secret, false)}
	}
	out := &connection.Parameters{}
	for _, x := range p.HeaderParameters {
		out.Header = append(out.Header, one(x.Key, x.Value, x.IsValueSecret))
	}
	for _, x := range p.QueryStringParameters {
		out.Query = append(out.Query, one(x.Key, x.Value, x.IsValueSecret))
	}
	for _, x := range p.BodyParameters {
		out.Body = append(out.Body, one(x.Key, x.Value, x.IsValueSecret))
	}
	return out
}

// shownParameters leaves out the values of secrets.
func shownParameters(p *connection.Parameters) *ConnectionHttpParameters {
	if p == nil {
		return nil
	}
	value := func(x connection.Parameter) *string {
		if x.Secret {
			return nil
		}
		return &x.Value
	}
	out := &ConnectionHttpParameters{}
	for _, x := range p.Header {
		out.HeaderParameters = append(out.HeaderParameters, ConnectionHeaderParameter{Key: &x.Key, Value: value(x), IsValueSecret: &x.Secret})
	}
	for _, x := range p.Query {
		out.QueryStringParameters = append(out.QueryStringParameters, ConnectionQueryStringParameter{Key: &x.Key, Value: value(x), IsValueSecret: &x.Secret})
	}
	for _, x := range p.Body {
		out.BodyParameters = append(out.BodyParameters, ConnectionBodyParameter{Key: &x.Key, Value: value(x), IsValueSecret: &x.Secret})
	}
	return out
}

func (a *api) createConnection(ctx context.Context, c *protocol.Call, in *CreateConnectionRequest) (*CreateConnectionResponse, error) {
	x := connection.Connection{Ref: connection.Ref{Scope: c.Scope, Name: in.Name}, Description: protocol.Or(in.Description, ""), Type: string(in.AuthorizationType), Auth: &connection.Auth{}}
	if p := in.AuthParameters; p != nil {
		x.Parameters = parameters(p.InvocationHttpParameters)
		if b := p.BasicAuthParameters; b != nil {
			x.Auth.Username, x.Auth.Password = b.Username, b.Password
		}
		if k := p.ApiKeyAuthParameters; k != nil {
			x.Auth.KeyName, x.Auth.KeyValue = k.ApiKeyName, k.ApiKeyValue
		}
		if o := p.OAuthParameters; o != nil {
			x.Auth.OAuth = &connection.OAuthClient{Endpoint: o.AuthorizationEndpoint, Method: string(o.HttpMethod), Parameters: parameters(o.OAuthHttpParameters)}
			if k := o.ClientParameters; k != nil {
				x.Auth.OAuth.ID, x.Auth.OAuth.Secret = k.ClientID, k.ClientSecret
			}
		}
	}
	x, err := a.connections.Create(ctx, x)
	if err != nil {
		return nil, err
	}
	return &CreateConnectionResponse{ConnectionArn: new(x.ARN()), ConnectionState: new(ConnectionState(x.State)), CreationTime: &x.Created, LastModifiedTime: &x.Modified}, nil
}

func (a *api) updateConnection(ctx context.Context, c *protocol.Call, in *UpdateConnectionRequest) (*UpdateConnectionResponse, error) {
	x, err := a.connections.Update(ctx, connection.Ref{Scope: c.Scope, Name: in.Name}, func(x *connection.Connection) bool {
		x.Description = protocol.Or(in.Description, x.Description)
		x.Type = string(protocol.Or(in.AuthorizationType, ConnectionAuthorizationType(x.Type)))
		updateAuth(x, in.AuthParameters)
		return in.AuthParameters != nil || in.AuthorizationType != nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateConnectionResponse{
		ConnectionArn: new(x.ARN()), ConnectionState: new(ConnectionState(x.State)), CreationTime: &x.Created, LastModifiedTime: &x.Modified, LastAuthorizedTime: some(x.Authorized),
	}, nil
}

// updateAuth changes what is given and keeps the rest. What is in memory is shared, so that it is copied.
func updateAuth(x *connection.Connection, p *UpdateConnectionAuthRequestParameters) {
	if p == nil {
		return
	}
	auth := connection.Auth{}
	if x.Auth != nil {
		auth = *x.Auth
	}
	if p.InvocationHttpParameters != nil {
		x.Parameters = parameters(p.InvocationHttpParameters)
	}
	if b := p.BasicAuthParameters; b != nil {
		auth.Username, auth.Password = protocol.Or(b.Username, auth.Username), protocol.Or(b.Password, auth.Password)
	}
	if k := p.ApiKeyAuthParameters; k != nil {
		auth.KeyName, auth.KeyValue = protocol.Or(k.ApiKeyName, auth.KeyName), protocol.Or(k.ApiKeyValue, auth.KeyValue)
	}
	if o := p.OAuthParameters; o != nil {
		client := connection.OAuthClient{}
		if auth.OAuth != nil {
			client = *auth.OAuth
		}
		client.Endpoint = protocol.Or(o.AuthorizationEndpoint, client.Endpoint)
		client.Method = string(protocol.Or(o.HttpMethod, ConnectionOAuthHttpMethod(client.Method)))
		if k := o.ClientParameters; k != nil {
			client.ID, client.Secret = protocol.Or(k.ClientID, client.ID), protocol.Or(k.ClientSecret, client.Secret)
		}
		if o.OAuthHttpParameters != nil {
			client.Parameters = parameters(o.OAuthHttpParameters)
		}
		auth.OAuth = &client
	}
	x.Auth = &auth
}

func (a *api) describeConnection(_ context.Context, c *protocol.Call, in *DescribeConnectionRequest) (*DescribeConnectionResponse, error) {
	x, err := a.connections.Connection(connection.Ref{Scope: c.Scope, Name: in.Name})
	if err != nil {
		return nil, err
	}
	return &DescribeConnectionResponse{
		ConnectionArn: new(x.ARN()), Name: &x.Name, Description: protocol.Some(x.Description), AuthorizationType: new(ConnectionAuthorizationType(x.Type)),
		ConnectionState: new(ConnectionState(x.State)), StateReason: protocol.Some(x.Reason), SecretArn: new(x.SecretARN()), AuthParameters: shownAuth(&x),
		CreationTime: &x.Created, LastModifiedTime: &x.Modified, LastAuthorizedTime: some(x.Authorized),
	}, nil
}

// shownAuth is what is not secret of a connection's credentials.
func shownAuth(x *connection.Connection) *ConnectionAuthResponseParameters {
	if x.Auth == nil {
		return nil
	}
	out := &ConnectionAuthResponseParameters{InvocationHttpParameters: shownParameters(x.Parameters)}
	switch x.Type {
	case connection.Basic:
		out.BasicAuthParameters = &ConnectionBasicAuthResponseParameters{Username: &x.Auth.Username}
	case connection.APIKey:
		out.ApiKeyAuthParameters = &ConnectionApiKeyAuthResponseParameters{ApiKeyName: &x.Auth.KeyName}
	case connection.OAuth:
		o := x.Auth.OAuth
		out.OAuthParameters = &ConnectionOAuthResponseParameters{
			AuthorizationEndpoint: &o.Endpoint, HttpMethod: new(ConnectionOAuthHttpMethod(o.Method)), ClientParameters: &ConnectionOAuthClientResponseParameters{ClientID: &o.ID},
			OAuthHttpParameters: shownParameters(o.Parameters),
		}
	}
	return out
}

func (a *api) deleteConnection(ctx context.Context, c *protocol.Call, in *DeleteConnectionRequest) (*DeleteConnectionResponse, error) {
	x, err := a.connections.Delete(ctx, connection.Ref{Scope: c.Scope, Name: in.Name})
	if err != nil {
		return nil, err
	}
	return &DeleteConnectionResponse{
		ConnectionArn: new(x.ARN()), ConnectionState: new(ConnectionState_DELETING), CreationTime: &x.Created, LastModifiedTime: &x.Modified, LastAuthorizedTime: some(x.Authorized),
	}, nil
}

func (a *api) deauthorizeConnection(ctx context.Context, c *protocol.Call, in *DeauthorizeConnectionRequest) (*DeauthorizeConnectionResponse, error) {
	x, err := a.connections.Deauthorize(ctx, connection.Ref{Scope: c.Scope, Name: in.Name})
	if err != nil {
		return nil, err
	}
	return &DeauthorizeConnectionResponse{
		ConnectionArn: new(x.ARN()), ConnectionState: new(ConnectionState_DEAUTHORIZING), CreationTime: &x.Created, LastModifiedTime: &x.Modified, LastAuthorizedTime: some(x.Authorized),
	}, nil
}

func (a *api) listConnections(_ context.Context, c *protocol.Call, in *ListConnectionsRequest) (*ListConnectionsResponse, error) {
	prefix, state := protocol.Or(in.NamePrefix, ""), string(protocol.Or(in.ConnectionState, ""))
	list, next := a.connections.Connections(c.Scope, func(x connection.Connection) bool {
		return strings.HasPrefix(x.Name, prefix) && (state == "" || x.State == state)
	}, after(in.NextToken), page(in.Limit))
	out := &ListConnectionsResponse{Connections: []Connection{}, NextToken: token(next)}
	for _, x := range list {
		out.Connections = append(out.Connections, Connection{
			ConnectionArn: new(x.ARN()), Name: new(x.Name), AuthorizationType: new(ConnectionAuthorizationType(x.Type)), ConnectionState: new(ConnectionState(x.State)),
			StateReason: protocol.Some(x.Reason), CreationTime: new(x.Created), LastModifiedTime: new(x.Modified), LastAuthorizedTime: some(x.Authorized),
		})
	}
	return out, nil
}
