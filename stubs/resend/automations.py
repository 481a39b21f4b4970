"""Automations are kept, switched on and off; nothing runs by them."""

from typing import Any

from childproof.stubkit import Context, operation


@operation("POST /automations/{automation_id}/stop")
def stop(ctx: Context, automation_id: str) -> dict[str, Any]:
    """Switch one off."""
    found = ctx.update(ctx.get("automation", automation_id), status="disabled")
    return {"object": "automation", "id": found.id, "status": found["status"]}
