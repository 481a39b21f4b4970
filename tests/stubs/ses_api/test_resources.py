"""Identities, templates, sets and contacts: what one API makes the other one sees, and each region has its own."""

import json
from collections.abc import Callable
from typing import Any

SENDER = "hello@childproof.example"


def test_an_identity_is_verified_after_a_while_in_both_apis(
    api: Any, ses: Any, ses2: Any, refused: Callable[..., Any]
) -> None:
    """Asked for in one, seen in the other; nothing can be sent from it before, and nothing after it is gone."""
    ses.verify_domain_identity(Domain="Shop.example")
    pending = ses2.get_email_identity(EmailIdentity="shop.example")
    assert (pending["VerificationStatus"], pending["VerifiedForSendingStatus"]) == ("PENDING", False)
    message = {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "x"}}}
    asked = {"Source": "a@mail.shop.example", "Destination": {"ToAddresses": ["b@home.example"]}, "Message": message}
    assert refused(ses.send_email, **asked)[0] == "MessageRejected"
    tokens = ses.verify_domain_dkim(Domain="shop.example")["DkimTokens"]
    api.passes(4)
    ses.get_waiter("identity_exists").wait(Identities=["shop.example"], WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    ses.send_email(**asked)
    shown = ses2.get_email_identity(EmailIdentity="SHOP.example")
    assert shown["DkimAttributes"]["Tokens"] == tokens
    assert shown["VerificationStatus"] == "SUCCESS"
    assert refused(ses2.create_email_identity, EmailIdentity="shop.example") == (
        "AlreadyExistsException", "Email identity shop.example already exist.", 400,
    )  # fmt: skip
    ses2.delete_email_identity(EmailIdentity="shop.example")
    assert ses.get_identity_verification_attributes(Identities=["shop.example"])["VerificationAttributes"] == {}
    assert refused(ses2.delete_email_identity, EmailIdentity="shop.example")[2] == 404


def test_regions_have_identities_of_their_own(api: Any, ses2: Any, refused: Callable[..., Any]) -> None:
    """Those of the seed are there everywhere; one that is made in a region is there alone."""
    ireland = api.client("sesv2", "eu-west-1")
    ireland.create_email_identity(EmailIdentity="only@ireland.example")
    api.passes(4)
    names = [one["IdentityName"] for one in ireland.list_email_identities()["EmailIdentities"]]
    assert names == ["childproof.example", "example.com", "only@ireland.example"]
    assert refused(ses2.get_email_identity, EmailIdentity="only@ireland.example")[2] == 404
    content = {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "x"}}}}
    sent = ireland.send_email(
        FromEmailAddress="only@ireland.example", Destination={"ToAddresses": ["a@home.example"]}, Content=content
    )
    assert api.mails()[0]["message_id"] == f"<{sent['MessageId']}@eu-west-1.amazonses.com>"
    assert refused(ireland.send_email, FromEmailAddress="x@nobody.example", Destination={"ToAddresses": ["a@home.example"]},
                   Content=content)[1].endswith("region EU-WEST-1: x@nobody.example")  # fmt: skip


def test_settings_of_identities(ses: Any, ses2: Any, refused: Callable[..., Any]) -> None:
    """Policies, topics, MAIL FROM, feedback and tags are kept and told back."""
    name = "example.com"
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    ses.put_identity_policy(Identity=name, PolicyName="p", Policy=policy)
    assert ses2.get_email_identity_policies(EmailIdentity=name)["Policies"] == {"p": policy}
    assert ses.list_identity_policies(Identity=name)["PolicyNames"] == ["p"]
    assert refused(ses.put_identity_policy, Identity=name, PolicyName="q", Policy="no")[0] == "InvalidPolicy"
    topic = "arn:aws:sns:us-east-1:123456789012:bounces"
    ses.set_identity_notification_topic(Identity=name, NotificationType="Bounce", SnsTopic=topic)
    shown = ses.get_identity_notification_attributes(Identities=[name])["NotificationAttributes"][name]
    assert (shown["BounceTopic"], shown["ForwardingEnabled"]) == (topic, True)
    ses2.put_email_identity_mail_from_attributes(EmailIdentity=name, MailFromDomain="bounce.example.com")
    assert ses.get_identity_mail_from_domain_attributes(Identities=[name])["MailFromDomainAttributes"][name][
        "MailFromDomain"
    ] == ("bounce.example.com")
    arn = "arn:aws:ses:us-east-1:123456789012:identity/example.com"
    ses2.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "mail"}])
    assert ses2.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "mail"}]
    ses2.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert ses2.list_tags_for_resource(ResourceArn=arn)["Tags"] == []


def test_templates_are_filled_in(api: Any, ses: Any, ses2: Any, refused: Callable[..., Any]) -> None:
    """Handlebars with conditions and lists; HTML is escaped; what is missing is a mail that nobody gets."""
    template = {
        "TemplateName": "hi",
        "SubjectPart": "Hi {{name}}",
        "TextPart": "{{#each items}}- {{this}}\n{{/each}}",
        "HtmlPart": "<b>{{name}}</b>",
    }
    ses.create_template(Template=template)
    assert refused(ses.create_template, Template=template)[0] == "AlreadyExists"
    assert ses2.get_email_template(TemplateName="hi")["TemplateContent"]["Subject"] == "Hi {{name}}"
    data = json.dumps({"name": "Jenny & Co", "items": ["a", "b"]})
    rendered = ses.test_render_template(TemplateName="hi", TemplateData=data)["RenderedTemplate"]
    assert "Subject: Hi Jenny & Co" in rendered
    assert "<b>Jenny &amp; Co</b>" in rendered
    found = refused(ses.test_render_template, TemplateName="hi", TemplateData="{}")
    assert found[:2] == ("MissingRenderingAttribute", "Attribute 'name' is not present in the rendering data.")
    to = {"ToAddresses": ["a@home.example"]}
    ses.send_templated_email(Source=SENDER, Destination=to, Template="hi", TemplateData=data)
    failing = ses.send_templated_email(Source=SENDER, Destination=to, Template="hi", TemplateData="{}")
    assert [mail["subject"] for mail in api.mails()] == ["Hi Jenny & Co"]
    events = ses2.get_message_insights(MessageId=failing["MessageId"])["Insights"][0]["Events"]
    assert [event["Type"] for event in events] == ["RENDERING_FAILURE"]
    status = ses.send_bulk_templated_email(
        Source=SENDER, Template="hi", DefaultTemplateData=data,
        Destinations=[{"Destination": to}, {"Destination": {"ToAddresses": ["broken"]}},
                      {"Destination": to, "ReplacementTemplateData": json.dumps({"name": "Tom"})}],
    )["Status"]  # fmt: skip
    assert [one["Status"] for one in status] == ["Success", "InvalidParameterValue", "Success"]
    assert [mail["subject"] for mail in api.mails()][1:] == ["Hi Jenny & Co", "Hi Tom"]
    bulk = ses2.send_bulk_email(
        FromEmailAddress=SENDER, DefaultContent={"Template": {"TemplateName": "hi", "TemplateData": data}},
        BulkEmailEntries=[{"Destination": to}],
    )["BulkEmailEntryResults"]  # fmt: skip
    assert bulk[0]["Status"] == "SUCCESS"
    ses2.delete_email_template(TemplateName="hi")
    assert refused(ses.get_template, TemplateName="hi") == ("TemplateDoesNotExist", "Template hi does not exist.", 400)
    broken = {"TemplateName": "x", "SubjectPart": "{{#if a}}", "TextPart": "b"}
    assert refused(ses.create_template, Template=broken)[0] == "InvalidTemplate"


def test_lists_page_by_tokens(ses: Any, ses2: Any, refused: Callable[..., Any]) -> None:
    """boto3's own paginators go through all of them; a token that nobody gave is refused."""
    for number in range(25):
        ses2.create_email_template(TemplateName=f"t{number}", TemplateContent={"Subject": "s", "Text": "t"})
    pages = ses2.get_paginator("list_email_templates") if ses2.can_paginate("list_email_templates") else None
    names, token = [], None
    while pages is None:
        reply = ses2.list_email_templates(PageSize=10, **({"NextToken": token} if token else {}))
        names += [one["TemplateName"] for one in reply["TemplatesMetadata"]]
        token = reply.get("NextToken")
        if token is None:
            break
    assert len(set(names)) == 25
    found = [one["Name"] for page in ses.get_paginator("list_templates").paginate(PaginationConfig={"PageSize": 7})
             for one in page["TemplatesMetadata"]]  # fmt: skip
    assert sorted(found) == sorted(names)
    assert refused(ses2.list_email_templates, NextToken="nothing")[0] == "InvalidNextTokenException"


def test_configuration_sets_and_destinations(ses: Any, ses2: Any, refused: Callable[..., Any]) -> None:
    """Made in one API, described in the other."""
    ses.create_configuration_set(ConfigurationSet={"Name": "main"})
    topic = "arn:aws:sns:us-east-1:123456789012:t"
    destination = {
        "Name": "d",
        "Enabled": True,
        "MatchingEventTypes": ["bounce", "send"],
        "SNSDestination": {"TopicARN": topic},
    }
    ses.create_configuration_set_event_destination(ConfigurationSetName="main", EventDestination=destination)
    shown = ses2.get_configuration_set_event_destinations(ConfigurationSetName="main")["EventDestinations"][0]
    assert (shown["MatchingEventTypes"], shown["SnsDestination"]["TopicArn"]) == (["BOUNCE", "SEND"], topic)
    ses2.put_configuration_set_sending_options(ConfigurationSetName="main", SendingEnabled=False)
    asked = ["eventDestinations", "reputationOptions"]
    described = ses.describe_configuration_set(ConfigurationSetName="main", ConfigurationSetAttributeNames=asked)
    assert described["EventDestinations"] == [destination]
    assert described["ReputationOptions"]["SendingEnabled"] is False
    both = {
        **destination,
        "Name": "e",
        "KinesisFirehoseDestination": {"IAMRoleARN": "arn:x", "DeliveryStreamARN": "arn:y"},
    }
    assert refused(ses.create_configuration_set_event_destination, ConfigurationSetName="main", EventDestination=both)[
        0
    ] == ("InvalidParameterValue")
    assert refused(ses2.create_configuration_set, ConfigurationSetName="main")[0] == "AlreadyExistsException"
    ses2.delete_configuration_set(ConfigurationSetName="main")
    assert refused(ses.delete_configuration_set, ConfigurationSetName="main")[0] == "ConfigurationSetDoesNotExist"


def test_contacts_get_what_they_want(api: Any, ses2: Any, refused: Callable[..., Any]) -> None:
    """Who opted out of a topic, or left the list, gets no mail of it."""
    topics = [{"TopicName": "news", "DisplayName": "News", "DefaultSubscriptionStatus": "OPT_OUT"}]
    ses2.create_contact_list(ContactListName="all", Topics=topics)
    assert refused(ses2.create_contact_list, ContactListName="more")[0] == "LimitExceededException"
    wants = [{"TopicName": "news", "SubscriptionStatus": "OPT_IN"}]
    ses2.create_contact(ContactListName="all", EmailAddress="in@home.example", TopicPreferences=wants)
    ses2.create_contact(ContactListName="all", EmailAddress="out@home.example", AttributesData='{"plan": "free"}')
    content = {"Simple": {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "x"}}}}
    for to in ("in@home.example", "out@home.example"):
        ses2.send_email(
            FromEmailAddress=SENDER, Destination={"ToAddresses": [to]}, Content=content,
            ListManagementOptions={"ContactListName": "all", "TopicName": "news"},
        )  # fmt: skip
    assert [mail["envelope"]["to"] for mail in api.mails()] == [["in@home.example"]]
    filtered = ses2.list_contacts(
        ContactListName="all", Filter={"FilteredStatus": "OPT_IN", "TopicFilter": {"TopicName": "news"}}
    )
    assert [one["EmailAddress"] for one in filtered["Contacts"]] == ["in@home.example"]
    assert (
        ses2.get_contact(ContactListName="all", EmailAddress="out@home.example")["AttributesData"] == '{"plan": "free"}'
    )
    assert refused(ses2.get_contact, ContactListName="all", EmailAddress="no@home.example")[2] == 404
    ses2.delete_contact_list(ContactListName="all")
    assert ses2.list_contact_lists()["ContactLists"] == []


def test_jobs_take_their_time(api: Any, ses2: Any) -> None:
    """An import has nothing to read here, and says so; an export is done after a minute."""
    destination = {"SuppressionListDestination": {"SuppressionListImportAction": "PUT"}}
    source = {"S3Url": "s3://bucket/list.csv", "DataFormat": "CSV"}
    job = ses2.create_import_job(ImportDestination=destination, ImportDataSource=source)["JobId"]
    assert ses2.get_import_job(JobId=job)["JobStatus"] == "CREATED"
    api.passes(61)
    done = ses2.get_import_job(JobId=job)
    assert (done["JobStatus"], done["FailureInfo"]["ErrorMessage"]) == ("FAILED", "The data source could not be read.")


def test_receipt_rules_are_kept_in_order(ses: Any, refused: Callable[..., Any]) -> None:
    """Rules, filters, and the one active set."""
    ses.create_receipt_rule_set(RuleSetName="in")
    for name in ("a", "b"):
        ses.create_receipt_rule(RuleSetName="in", Rule={"Name": name, "Enabled": True, "Actions": []})
    assert [rule["Name"] for rule in ses.describe_receipt_rule_set(RuleSetName="in")["Rules"]] == ["b", "a"]
    ses.set_receipt_rule_position(RuleSetName="in", RuleName="b", After="a")
    assert [rule["Name"] for rule in ses.describe_receipt_rule_set(RuleSetName="in")["Rules"]] == ["a", "b"]
    ses.set_active_receipt_rule_set(RuleSetName="in")
    assert ses.describe_active_receipt_rule_set()["Metadata"]["Name"] == "in"
    assert refused(ses.delete_receipt_rule_set, RuleSetName="in")[0] == "CannotDelete"
    ses.create_receipt_filter(Filter={"Name": "f", "IpFilter": {"Policy": "Block", "Cidr": "10.0.0.0/8"}})
    assert ses.list_receipt_filters()["Filters"][0]["IpFilter"]["Cidr"] == "10.0.0.0/8"
