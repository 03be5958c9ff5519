package glueapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/crawl"
)

func (a *api) crawlerOps() []protocol.Op {
	return []protocol.Op{
		protocol.Also(protocol.Handle("CreateCrawler", on("crawler", func(r *CreateCrawlerRequest) string { return r.Name }), a.createCrawler),
			func(c *protocol.Call, r *CreateCrawlerRequest) []protocol.Access {
				return []protocol.Access{protocol.PassRole(roleARN(c, r.Role), "glue.amazonaws.com")}
			}),
		protocol.Also(protocol.Handle("UpdateCrawler", on("crawler", func(r *UpdateCrawlerRequest) string { return r.Name }), a.updateCrawler),
			func(c *protocol.Call, r *UpdateCrawlerRequest) []protocol.Access {
				if r.Role == nil {
					return nil
				}
				return []protocol.Access{protocol.PassRole(roleARN(c, *r.Role), "glue.amazonaws.com")}
			}),
		protocol.Handle("GetCrawler", on("crawler", func(r *GetCrawlerRequest) string { return r.Name }), a.getCrawler),
		protocol.Handle("GetCrawlers", on("crawler", func(*GetCrawlersRequest) string { return "*" }), a.getCrawlers),
		protocol.Handle("BatchGetCrawlers", each("crawler", func(r *BatchGetCrawlersRequest) []string { return r.CrawlerNames }), a.batchGetCrawlers),
		protocol.Handle("ListCrawlers", on("crawler", func(*ListCrawlersRequest) string { return "*" }), a.listCrawlers),
		protocol.Handle("DeleteCrawler", on("crawler", func(r *DeleteCrawlerRequest) string { return r.Name }), a.deleteCrawler),
		protocol.Handle("StartCrawler", on("crawler", func(r *StartCrawlerRequest) string { return r.Name }), a.startCrawler),
		protocol.Handle("StopCrawler", on("crawler", func(r *StopCrawlerRequest) string { return r.Name }), a.stopCrawler),
		protocol.Handle("GetCrawlerMetrics", each("crawler", func(r *GetCrawlerMetricsRequest) []string { return r.CrawlerNameList }), a.getMetrics),
		protocol.Handle("ListCrawls", on("crawler", func(r *ListCrawlsRequest) string { return r.CrawlerName }), a.listCrawls),
		protocol.Handle("StartCrawlerSchedule", on("crawler", func(r *StartCrawlerScheduleRequest) string { return r.CrawlerName }), a.startSchedule),
		protocol.Handle("StopCrawlerSchedule", on("crawler", func(r *StopCrawlerScheduleRequest) string { return r.CrawlerName }), a.stopSchedule),
		protocol.Handle("UpdateCrawlerSchedule", on("crawler", func(r *UpdateCrawlerScheduleRequest) string { return r.CrawlerName }), a.updateSchedule),
	}
}

// roleARN accepts a role's name or its ARN, as Glue does.
func roleARN(c *protocol.Call, role string) string {
	if len(role) > 4 && role[:4] == "arn:" {
		return role
	}
	return "arn:aws:iam::" + c.Account + ":role/" + role
}

func targetsIn(t *CrawlerTargets) (s3 []crawl.Target, cat []crawl.CatalogTarget) {
	if t == nil {
		return nil, nil
	}
	for _, x := range t.S3Targets {
		s3 = append(s3, crawl.Target{Path: protocol.Or(x.Path, ""), Exclusions: x.Exclusions, SampleSize: int(protocol.Or(x.SampleSize, 0))})
	}
	for _, x := range t.CatalogTargets {
		cat = append(cat, crawl.CatalogTarget{Database: x.DatabaseName, Tables: x.Tables})
	}
	return s3, cat
}

// policies are the parts of a crawler that are structures on the wire; those that are nil stay as they are.
func policies(c *crawl.Config, change *SchemaChangePolicy, recrawl *RecrawlPolicy, lin *LineageConfiguration) {
	if change != nil {
		c.OnUpdate = crawl.UpdateBehavior(protocol.Or(change.UpdateBehavior, UpdateBehavior(c.OnUpdate)))
		c.OnDelete = crawl.DeleteBehavior(protocol.Or(change.DeleteBehavior, DeleteBehavior(c.OnDelete)))
	}
	if recrawl != nil {
		c.Recrawl = string(protocol.Or(recrawl.RecrawlBehavior, ""))
	}
	if lin != nil {
		c.Lineage = string(protocol.Or(lin.CrawlerLineageSettings, ""))
	}
}

func (a *api) createCrawler(ctx context.Context, c *protocol.Call, in *CreateCrawlerRequest) (*CreateCrawlerResponse, error) {
	cfg := crawl.Config{
		Name: in.Name, Role: roleARN(c, in.Role), Description: protocol.Or(in.Description, ""), Database: protocol.Or(in.DatabaseName, ""), Tags: in.Tags,
		TablePrefix: protocol.Or(in.TablePrefix, ""), Classifiers: in.Classifiers, Schedule: protocol.Or(in.Schedule, ""), Configuration: protocol.Or(in.Configuration, ""),
	}
	cfg.Targets, cfg.CatalogTargets = targetsIn(in.Targets)
	policies(&cfg, in.SchemaChangePolicy, in.RecrawlPolicy, in.LineageConfiguration)
	return &CreateCrawlerResponse{}, a.Crawl.Create(ctx, c.Scope, cfg)
}

func (a *api) updateCrawler(ctx context.Context, c *protocol.Call, in *UpdateCrawlerRequest) (*UpdateCrawlerResponse, error) {
	return &UpdateCrawlerResponse{}, a.Crawl.Update(ctx, c.Scope, in.Name, func(cfg *crawl.Config) {
		if in.Role != nil {
			cfg.Role = roleARN(c, *in.Role)
		}
		cfg.Description = protocol.Or(in.Description, cfg.Description)
		cfg.Database = protocol.Or(in.DatabaseName, cfg.Database)
		cfg.TablePrefix = protocol.Or(in.TablePrefix, cfg.TablePrefix)
		cfg.Schedule = protocol.Or(in.Schedule, cfg.Schedule)
		cfg.Configuration = protocol.Or(in.Configuration, cfg.Configuration)
		if in.Classifiers != nil {
			cfg.Classifiers = in.Classifiers
		}
		if in.Targets != nil {
			cfg.Targets, cfg.CatalogTargets = targetsIn(in.Targets)
		}
		policies(cfg, in.SchemaChangePolicy, in.RecrawlPolicy, in.LineageConfiguration)
	})
}

func (a *api) crawlerOut(cr crawl.Crawler) *Crawler {
	out := &Crawler{
		Name: &cr.Name, Role: &cr.Role, Description: protocol.Some(cr.Description), DatabaseName: protocol.Some(cr.Database), TablePrefix: protocol.Some(cr.TablePrefix),
		Classifiers: cr.Classifiers, Configuration: protocol.Some(cr.Configuration), State: new(CrawlerState(cr.State)), CreationTime: &cr.Created, LastUpdated: &cr.Updated,
		Version: &cr.Version, CrawlElapsedTime: new(int64(0)), Targets: &CrawlerTargets{S3Targets: []S3Target{}, CatalogTargets: []CatalogTarget{}},
		SchemaChangePolicy: &SchemaChangePolicy{UpdateBehavior: new(UpdateBehavior(cr.OnUpdate)), DeleteBehavior: new(DeleteBehavior(cr.OnDelete))},
		RecrawlPolicy:      &RecrawlPolicy{RecrawlBehavior: new(RecrawlBehavior(cr.Recrawl))},
	}
	lin := CrawlerLineageSettings_DISABLE
	if cr.Lineage != "" {
		lin = CrawlerLineageSettings(cr.Lineage)
	}
	out.LineageConfiguration = &LineageConfiguration{CrawlerLineageSettings: &lin}
	for _, t := range cr.Targets {
		row := S3Target{Path: &t.Path, Exclusions: t.Exclusions}
		if t.SampleSize > 0 {
			row.SampleSize = new(int32(t.SampleSize))
		}
		out.Targets.S3Targets = append(out.Targets.S3Targets, row)
	}
	for _, t := range cr.CatalogTargets {
		out.Targets.CatalogTargets = append(out.Targets.CatalogTargets, CatalogTarget{DatabaseName: t.Database, Tables: t.Tables})
	}
	if !cr.CurrentStart.IsZero() {
		out.CrawlElapsedTime = new(a.Crawl.Elapsed(cr).Milliseconds())
	}
	if cr.Schedule != "" {
		state := ScheduleState_NOT_SCHEDULED
		if cr.Scheduled {
			state = ScheduleState_SCHEDULED
		}
		out.Schedule = &Schedule{ScheduleExpression: &cr.Schedule, State: &state}
	}
	if r := cr.Last; r != nil {
		status := map[string]LastCrawlStatus{"COMPLETED": LastCrawlStatus_SUCCEEDED, "FAILED": LastCrawlStatus_FAILED, "STOPPED": LastCrawlStatus_CANCELLED}[r.State]
		out.LastCrawl = &LastCrawlInfo{
			Status: &status, ErrorMessage: protocol.Some(r.Error), LogGroup: new(crawl.LogGroup), LogStream: &cr.Name, MessagePrefix: &r.ID, StartTime: &r.Start,
		}
	}
	return out
}

func (a *api) getCrawler(ctx context.Context, c *protocol.Call, in *GetCrawlerRequest) (*GetCrawlerResponse, error) {
	cr, err := a.Crawl.Get(ctx, c.Scope, in.Name)
	if err != nil {
		return nil, err
	}
	return &GetCrawlerResponse{Crawler: a.crawlerOut(cr)}, nil
}

func (a *api) getCrawlers(ctx context.Context, c *protocol.Call, in *GetCrawlersRequest) (*GetCrawlersResponse, error) {
	list, more, err := a.Crawl.List(ctx, c.Scope, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &GetCrawlersResponse{Crawlers: []Crawler{}}
	for _, cr := range list {
		out.Crawlers = append(out.Crawlers, *a.crawlerOut(cr))
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) batchGetCrawlers(ctx context.Context, c *protocol.Call, in *BatchGetCrawlersRequest) (*BatchGetCrawlersResponse, error) {
	out := &BatchGetCrawlersResponse{Crawlers: []Crawler{}, CrawlersNotFound: []string{}}
	for _, name := range in.CrawlerNames {
		cr, err := a.Crawl.Get(ctx, c.Scope, name)
		switch {
		case errors.Is(err, crawl.ErrNotFound):
			out.CrawlersNotFound = append(out.CrawlersNotFound, name)
		case err != nil:
			return nil, err
		default:
			out.Crawlers = append(out.Crawlers, *a.crawlerOut(cr))
		}
	}
	return out, nil
}

func (a *api) listCrawlers(ctx context.Context, c *protocol.Call, in *ListCrawlersRequest) (*ListCrawlersResponse, error) {
	list, more, err := a.Crawl.List(ctx, c.Scope, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &ListCrawlersResponse{CrawlerNames: []string{}}
next:
	for _, cr := range list {
		for k, v := range in.Tags {
			if have, ok := cr.Tags[k]; !ok || v != "" && have != v {
				continue next
			}
		}
		out.CrawlerNames = append(out.CrawlerNames, cr.Name)
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) deleteCrawler(ctx context.Context, c *protocol.Call, in *DeleteCrawlerRequest) (*DeleteCrawlerResponse, error) {
	return &DeleteCrawlerResponse{}, a.Crawl.Delete(ctx, c.Scope, in.Name)
}

func (a *api) startCrawler(ctx context.Context, c *protocol.Call, in *StartCrawlerRequest) (*StartCrawlerResponse, error) {
	return &StartCrawlerResponse{}, a.Crawl.Start(ctx, c.Scope, in.Name)
}

func (a *api) stopCrawler(ctx context.Context, c *protocol.Call, in *StopCrawlerRequest) (*StopCrawlerResponse, error) {
	return &StopCrawlerResponse{}, a.Crawl.Stop(ctx, c.Scope, in.Name)
}

func (a *api) getMetrics(ctx context.Context, c *protocol.Call, in *GetCrawlerMetricsRequest) (*GetCrawlerMetricsResponse, error) {
	names := in.CrawlerNameList
	out := &GetCrawlerMetricsResponse{CrawlerMetricsList: []CrawlerMetrics{}}
	if len(names) == 0 {
		list, more, err := a.Crawl.List(ctx, c.Scope, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
		if err != nil {
			return nil, err
		}
		for _, cr := range list {
			names = append(names, cr.Name)
		}
		if more {
			out.NextToken = new(names[len(names)-1])
		}
	}
	for _, name := range names {
		m, err := a.Crawl.Metrics(ctx, c.Scope, name)
		if errors.Is(err, crawl.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out.CrawlerMetricsList = append(out.CrawlerMetricsList, CrawlerMetrics{
			CrawlerName: &m.Crawler, StillEstimating: &m.StillEstimating, TimeLeftSeconds: new(m.TimeLeft.Seconds()), LastRuntimeSeconds: new(m.LastRuntime.Seconds()),
			MedianRuntimeSeconds: new(m.MedianRuntime.Seconds()), TablesCreated: new(int32(m.TablesCreated)), TablesUpdated: new(int32(m.TablesUpdated)), TablesDeleted: new(int32(m.Deleted)),
		})
	}
	return out, nil
}

func (a *api) listCrawls(ctx context.Context, c *protocol.Call, in *ListCrawlsRequest) (*ListCrawlsResponse, error) {
	var before time.Time
	if in.NextToken != nil {
		n, err := strconv.ParseInt(*in.NextToken, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: the token is none of ListCrawls", crawl.ErrBadInput)
		}
		before = time.Unix(0, n)
	}
	list, more, err := a.Crawl.Runs(ctx, c.Scope, in.CrawlerName, before, limit(in.MaxResults, 20))
	if err != nil {
		return nil, err
	}
	out := &ListCrawlsResponse{Crawls: []CrawlerHistory{}}
	for _, r := range list {
		summary, err := json.Marshal(map[string]any{
			"TABLE":     map[string]any{"ADD": len(r.Created), "UPDATE": len(r.Updated), "DELETE": len(r.Deleted)},
			"PARTITION": map[string]any{"ADD": r.PartsNew, "UPDATE": r.PartsUpd, "DELETE": r.PartsDel},
		})
		if err != nil {
			return nil, err
		}
		row := CrawlerHistory{
			CrawlId: &r.ID, State: new(CrawlerHistoryState(r.State)), StartTime: &r.Start, EndTime: when(r.End), ErrorMessage: protocol.Some(r.Error),
			LogGroup: new(crawl.LogGroup), LogStream: &r.Crawler, MessagePrefix: &r.ID, Summary: new(string(summary)),
		}
		if !r.End.IsZero() {
			row.DPUHour = new(2 * r.End.Sub(r.Start).Hours())
		}
		out.Crawls = append(out.Crawls, row)
	}
	if more {
		out.NextToken = new(strconv.FormatInt(list[len(list)-1].Start.UnixNano(), 10))
	}
	return out, nil
}

func (a *api) startSchedule(ctx context.Context, c *protocol.Call, in *StartCrawlerScheduleRequest) (*StartCrawlerScheduleResponse, error) {
	return &StartCrawlerScheduleResponse{}, a.Crawl.SetSchedule(ctx, c.Scope, in.CrawlerName, true, "")
}

func (a *api) stopSchedule(ctx context.Context, c *protocol.Call, in *StopCrawlerScheduleRequest) (*StopCrawlerScheduleResponse, error) {
	return &StopCrawlerScheduleResponse{}, a.Crawl.SetSchedule(ctx, c.Scope, in.CrawlerName, false, "")
}

func (a *api) updateSchedule(ctx context.Context, c *protocol.Call, in *UpdateCrawlerScheduleRequest) (*UpdateCrawlerScheduleResponse, error) {
	if protocol.Or(in.Schedule, "") == "" {
		return nil, fmt.Errorf("%w: a schedule is required", crawl.ErrBadInput)
	}
	return &UpdateCrawlerScheduleResponse{}, a.Crawl.SetSchedule(ctx, c.Scope, in.CrawlerName, true, *in.Schedule)
}
