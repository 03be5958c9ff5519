package iamapi

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
)

func (a *api) account() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("GetAccountSummary", nil, a.getAccountSummary),
		protocol.Handle("ListAccountAliases", nil, a.listAccountAliases),
		protocol.Handle("CreateAccountAlias", nil, a.createAccountAlias),
		protocol.Handle("DeleteAccountAlias", nil, a.deleteAccountAlias),
	}
}

func (a *api) getAccountSummary(_ context.Context, c *protocol.Call, _ *GetAccountSummaryInput) (*GetAccountSummaryResponse, error) {
	count := func(k identity.Kind) int32 { return int32(len(a.engine.List(c.Account, k, "/"))) }
	return &GetAccountSummaryResponse{SummaryMap: map[string]int32{
		"Users": count(identity.User), "UsersQuota": 5000, "Groups": count(identity.Group), "GroupsQuota": 300, "Roles": count(identity.Role), "RolesQuota": 1000,
		"Policies": int32(len(a.engine.Policies(c.Account, true, false))), "PoliciesQuota": 1500,
		"AccountAccessKeysPresent": int32(len(a.engine.AccessKeys(c.Account, ""))), "AccessKeysPerUserQuota": identity.MaxAccessKeys,
		"AttachedPoliciesPerUserQuota": identity.MaxAttached, "AttachedPoliciesPerGroupQuota": identity.MaxAttached, "AttachedPoliciesPerRoleQuota": identity.MaxAttached,
		"UserPolicySizeQuota": identity.MaxInlineUser, "GroupPolicySizeQuota": identity.MaxInlineGroup, "GroupsPerUserQuota": identity.MaxGroupsPerUser,
		"VersionsPerPolicyQuota": identity.MaxVersions, "AccountMFAEnabled": 0, "MFADevices": 0, "ServerCertificates": 0, "InstanceProfiles": 0,
	}}, nil
}

func (a *api) listAccountAliases(_ context.Context, c *protocol.Call, _ *ListAccountAliasesRequest) (*ListAccountAliasesResponse, error) {
	list := []string{}
	if alias := a.engine.Alias(c.Account); alias != "" {
		list = append(list, alias)
	}
	return &ListAccountAliasesResponse{AccountAliases: list, IsTruncated: new(bool)}, nil
}

func (a *api) createAccountAlias(ctx context.Context, c *protocol.Call, in *CreateAccountAliasRequest) (*CreateAccountAliasOutput, error) {
	return done[CreateAccountAliasOutput](a.engine.SetAlias(ctx, c.Account, in.AccountAlias))
}

func (a *api) deleteAccountAlias(ctx context.Context, c *protocol.Call, in *DeleteAccountAliasRequest) (*DeleteAccountAliasOutput, error) {
	if a.engine.Alias(c.Account) != in.AccountAlias {
		return nil, &protocol.Error{Code: Code_NoSuchEntityException, Message: "The account alias " + in.AccountAlias + " cannot be found."}
	}
	return done[DeleteAccountAliasOutput](a.engine.SetAlias(ctx, c.Account, ""))
}
