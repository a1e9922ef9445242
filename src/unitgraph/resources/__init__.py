"""One module per kind of thing with a URL: functions from the site to an answer or a page, without HTTP."""
