using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>Turns what handlers do not expect into an error object; the cause goes to the log only.</summary>
internal sealed partial class FaultAnswers(RequestDelegate next, ILogger<FaultAnswers> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to answer.
        }
        catch (BadHttpRequestException e) when (!context.Response.HasStarted)
        {
            // As the listener answers what it finds itself; who sends such bodies needs no line in the log each time.
            context.Response.Clear();
            context.Response.StatusCode = e.StatusCode;
            context.Response.Headers.Connection = "close";
        }
        catch (Exception e) when (context.Response.HasStarted)
        {
            // Part of the answer is sent; only a connection that ends tells the caller that the rest is missing.
            Log.AnswerBroken(logger, context.Request.Method, e.GetType().Name, e.Message);
            context.Abort();
        }
        catch (Exception e)
        {
            if (DatabaseFaults.IsUnavailable(e))
            {
                Log.RequestRefused(logger, context.Request.Method, e.GetType().Name, e.Message);
                await AnswerAsync(context, Error.Unavailable());
            }
            else
            {
                Log.RequestFailed(logger, context.Request.Method, e);
                await AnswerAsync(context, Error.Unexpected());
            }
        }
    }

    private static Task AnswerAsync(HttpContext context, Error error)
    {
        context.Response.Clear();
        return ErrorResponses.WriteAsync(context, error);
    }

    private static partial class Log
    {
        [LoggerMessage(1101, LogLevel.Warning, "{Method} refused: the database is not available ({Type}: {Message})")]
        public static partial void RequestRefused(ILogger logger, string method, string type, string message);

        [LoggerMessage(1103, LogLevel.Warning, "An answer to {Method} was broken off ({Type}: {Message})")]
        public static partial void AnswerBroken(ILogger logger, string method, string type, string message);

        [LoggerMessage(1102, LogLevel.Error, "{Method} failed unexpectedly")]
        public static partial void RequestFailed(ILogger logger, string method, Exception exception);
    }
}
