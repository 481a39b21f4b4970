"""What a document tells by itself: which paths make, show, change, list and delete which resource."""
